package rowset

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestWithhold holds that what a redacted message said is in no file of the store any more, and is not told again when the row changes
// or goes; that other rows are told as ever; and that it stays so where the row comes as it was.
func TestWithhold(t *testing.T) {
	t.Parallel()
	s := Open(t.TempDir(), Shape{Key: []string{"k"}})
	step(t, s, `[{"k":1,"v":"x"},{"k":2,"v":"x"},{"k":3,"v":"x"}]`, true, "")
	secret := `[{"k":1,"v":"hunter2"},{"k":2,"v":"y"},{"k":3,"v":"hunter2"}]`
	ids := step(t, s, secret, false,
		`changed {"key":{"k":1},"row":{"k":1,"v":"hunter2"},"before":{"v":"x"}}`+"\n"+
			`changed {"key":{"k":2},"row":{"k":2,"v":"y"},"before":{"v":"x"}}`+"\n"+
			`changed {"key":{"k":3},"row":{"k":3,"v":"hunter2"},"before":{"v":"x"}}`+"\n")
	redacted := func(id string) bool { return id == ids[0] || id == ids[2] }
	for range 2 {
		if err := s.Withhold(redacted); err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir(s.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if data, err := os.ReadFile(filepath.Join(s.dir, f.Name())); err != nil || bytes.Contains(data, []byte("hunter2")) {
				t.Errorf("%s still has it: %v", f.Name(), err)
			}
		}
		step(t, s, secret, false, "")
	}
	step(t, s, `[{"k":1,"v":""},{"k":2,"v":""}]`, false,
		`changed {"key":{"k":1},"row":{"k":1,"v":""}}`+"\n"+
			`changed {"key":{"k":2},"row":{"k":2,"v":""},"before":{"v":"y"}}`+"\n"+
			`removed {"key":{"k":3}}`+"\n")
	step(t, s, `[{"k":1,"v":"z"}]`, false,
		`changed {"key":{"k":1},"row":{"k":1,"v":"z"},"before":{"v":""}}`+"\n"+
			`removed {"key":{"k":2},"row":{"k":2,"v":""}}`+"\n")
}

// TestWithholdPending holds that what is pending is told in the same words whatever was redacted meanwhile.
func TestWithholdPending(t *testing.T) {
	t.Parallel()
	s := Open(t.TempDir(), Shape{Key: []string{"k"}})
	step(t, s, `[{"k":1,"v":"x"}]`, true, "")
	ids := step(t, s, `[{"k":1,"v":"y"}]`, false, `changed {"key":{"k":1},"row":{"k":1,"v":"y"},"before":{"v":"x"}}`+"\n")
	if _, err := put(s, `[{"k":1,"v":"z"}]`, false); err != nil {
		t.Fatal(err)
	}
	before, _ := changes(t, s)
	if err := s.Withhold(func(id string) bool { return id == ids[0] }); err != nil {
		t.Fatal(err)
	}
	if after, _ := changes(t, s); after != before {
		t.Errorf("told is %s, and was %s", after, before)
	}
}
