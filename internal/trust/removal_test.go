package trust

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// removalVariable names the verification that is taken out of a process.
const removalVariable = "FEDMSG_TEST_REMOVED"

// verification is a mark that must be in the code, and a test that fails without what stands there: "PACKAGE TEST". Where that
// test does not fail, or none is named here or at the mark, the tests of all packages are tried.
type verification struct{ name, by string }

// markedPackages are those in which something is verified, the one with most tests of it first.
func markedPackages() []string {
	return []string{"internal/trust", "internal/ingest", "internal/pki", "internal/pgp", "internal/keys", "internal/mailtrust", "internal/wire"}
}

// TestEveryVerificationIsNeeded takes each marked verification out of the code, one at a time, and holds that a test notices.
// Each can be switched off by the environment, so that the test programs of the packages are built once.
func TestEveryVerificationIsNeeded(t *testing.T) {
	if os.Getenv(removalVariable) != "" {
		t.Fatal("a test program with a verification taken out must not run this test")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	marks := instrument(t, root, dir)
	holdNames(t, marks)
	buildPrograms(t, root, dir)
	holdProgramsPass(t, root, dir, marks)
	turns := make(chan struct{}, 2)
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, m := range marks {
		wg.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			start := time.Now()
			by, err := noticed(root, dir, m)
			if err != nil {
				t.Error(err)
				return
			}
			t.Logf("%-32s %s, %s", m.name, by, time.Since(start).Round(time.Millisecond))
		})
	}
}

// instrument writes an overlay in which every mark of the packages can be switched.
func instrument(t *testing.T, root, dir string) []mark {
	t.Helper()
	replace := make(map[string]string)
	put := func(path string, text []byte) {
		copied := filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(copied, text, 0o600); err != nil {
			t.Fatal(err)
		}
		replace[path] = copied
	}
	var marks []mark
	for _, pkg := range markedPackages() {
		paths, err := filepath.Glob(filepath.Join(root, pkg, "*.go"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s has no source: %v", pkg, err)
		}
		for _, path := range paths {
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(path, "_test.go") || !bytes.Contains(source, []byte("// verification:")) {
				continue
			}
			text, found, err := switchable(path, source)
			if err != nil {
				t.Fatal(err)
			}
			for i := range found {
				found[i].pkg = pkg
			}
			marks = append(marks, found...)
			put(path, text)
		}
		put(filepath.Join(root, pkg, "verification_switches.go"), switches(filepath.Base(pkg)))
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "overlay.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return marks
}

// holdNames holds that the marks are those that must be there, each once, and takes over which tests notice.
func holdNames(t *testing.T, marks []mark) {
	t.Helper()
	want := verifications()
	var have []string
	for i, m := range marks {
		at := slices.IndexFunc(want, func(v verification) bool { return v.name == m.name })
		switch {
		case at < 0:
			t.Errorf("verification %s is not in the list of this test", m.name)
		case want[at].by != "":
			marks[i].pkg, marks[i].test, _ = strings.Cut(want[at].by, " ")
		}
		if slices.Contains(have, m.name) {
			t.Errorf("two verifications are called %s", m.name)
		}
		have = append(have, m.name)
	}
	for _, v := range want {
		if !slices.Contains(have, v.name) {
			t.Errorf("verification %s is not marked in the code any more", v.name)
		}
	}
	if len(marks) == 0 {
		t.Fatal("no verification is marked")
	}
}

// holdProgramsPass holds that the tests pass while nothing is taken out, so that a failure is the removal's doing.
func holdProgramsPass(t *testing.T, root, dir string, marks []mark) {
	t.Helper()
	tests := make(map[string][]string)
	for _, m := range marks {
		if m.test != "" && !slices.Contains(tests[m.pkg], m.test) {
			tests[m.pkg] = append(tests[m.pkg], m.test)
		}
	}
	for pkg, names := range tests {
		if out, err := runProgram(root, dir, pkg, "nothing", "("+strings.Join(names, "|")+")"); err != nil {
			t.Fatalf("with nothing taken out the tests of %s do not pass: %s\n%s", pkg, err, out)
		}
	}
}

// buildPrograms builds the test program of each package with the overlay. What does not compile is a fault of this test.
func buildPrograms(t *testing.T, root, dir string) {
	t.Helper()
	args := []string{"test", "-c", "-vet=off", "-overlay", filepath.Join(dir, "overlay.json"), "-o", dir + string(filepath.Separator)}
	for _, pkg := range markedPackages() {
		args = append(args, "./"+pkg)
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %s\n%s", strings.Join(args, " "), err, out)
	}
}

// runProgram runs tests of a package while a verification is taken out: one, or all that are short.
func runProgram(root, dir, pkg, removed, test string) ([]byte, error) {
	args := []string{"-test.short", "-test.failfast", "-test.timeout=2m", "-test.skip=^(TestEveryVerificationIsNeeded|TestSwitchableShapes)$"}
	if test != "" {
		args = append(args, "-test.run=^"+test+"$")
	}
	cmd := exec.Command(filepath.Join(dir, filepath.Base(pkg)+".test"), args...)
	cmd.Dir = filepath.Join(root, pkg)
	cmd.Env = append(os.Environ(), removalVariable+"="+removed)
	return cmd.CombinedOutput()
}

var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// noticed gives the test that fails without a verification. A program that ends otherwise than by a failing test has noticed
// nothing.
func noticed(root, dir string, m mark) (string, error) {
	tries := []mark{m}
	for _, pkg := range markedPackages() {
		if pkg != m.pkg || m.test != "" {
			tries = append(tries, mark{pkg: pkg})
		}
	}
	for _, try := range tries {
		out, err := runProgram(root, dir, try.pkg, m.name, try.test)
		if err == nil {
			continue
		}
		f := failure.FindSubmatch(out)
		if f == nil {
			return "", fmt.Errorf("verification %s taken out: the tests of %s ended without a failing one: %w\n%s", m.name, try.pkg, err, out)
		}
		return try.pkg + " " + string(f[1]), nil
	}
	return "", fmt.Errorf("verification %s (%s) can be taken out and no test fails", m.name, m.pkg)
}
