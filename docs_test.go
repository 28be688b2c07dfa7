package fedmsg_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentLinks follows every relative link of every page.
func TestDocumentLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)
	pages := filesBelow(t, ".", ".md")
	if len(pages) == 0 {
		t.Fatal("no page was found")
	}
	for _, page := range pages {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
		}
	}
}

// TestDocumentedTestsExist holds docs/how-it-is-tested.md against the code: every test that it names is there.
func TestDocumentedTestsExist(t *testing.T) { holdsNamedTests(t, "docs/how-it-is-tested.md", 10) }

// TestThreatsHaveTests holds docs/security.md against the code: every threat names a test, and every test is there.
func TestThreatsHaveTests(t *testing.T) {
	const name = "docs/security.md"
	holdsNamedTests(t, name, 50)
	for line := range strings.Lines(read(t, name)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) == 3 && cells[2] != "test |" && !strings.Contains(cells[2], " Test") {
			t.Errorf("nothing is said to stand against it: %s", line)
		}
	}
}

// holdsNamedTests holds that every test which a page names as `DIRECTORY TestNAME` is there, and that there are so many at least.
func holdsNamedTests(t *testing.T, name string, least int) {
	t.Helper()
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`)
	have := make(map[string]bool)
	for _, file := range filesBelow(t, ".", "_test.go") {
		for _, m := range declared.FindAllStringSubmatch(read(t, file), -1) {
			have[filepath.ToSlash(filepath.Dir(file))+" "+m[1]] = true
		}
	}
	named := regexp.MustCompile("`([\\w./]+) ((?:Test|Fuzz|Example)\\w+)`").FindAllStringSubmatch(read(t, name), -1)
	if len(named) < least {
		t.Fatalf("%s names %d tests", name, len(named))
	}
	for _, m := range named {
		if !have[m[1]+" "+m[2]] {
			t.Errorf("%s names %s of %s, which is not there", name, m[2], m[1])
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// filesBelow gives the files whose names end so, in this module and that of the tools.
func filesBelow(t *testing.T, root, suffix string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(name, suffix) {
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
