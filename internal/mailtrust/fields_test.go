package mailtrust

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFieldsThatAreRead holds that of every field of a header which messages are made of it can be told whether it is covered.
func TestFieldsThatAreRead(t *testing.T) {
	t.Parallel()
	body := []string{"content-type", "content-transfer-encoding", "content-disposition"} // told as the body
	call := regexp.MustCompile(`\.(?:Text|Count|Addresses|unfolded)\("([A-Za-z-]+)"\)`)
	var read []string
	for _, dir := range []string{"../debian", "../mailmsg"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for _, m := range call.FindAllSubmatch(source, -1) {
				if name := strings.ToLower(string(m[1])); !slices.Contains(body, name) {
					read = append(read, name)
				}
			}
		}
	}
	slices.Sort(read)
	read = slices.Compact(read)
	want := slices.Sorted(slices.Values(published()))
	if !slices.Equal(read, want) {
		t.Errorf("messages are made of\n%v, and what is told of is\n%v", read, want)
	}
}
