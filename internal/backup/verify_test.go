package backup

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestVerifySeesEachByte changes one byte of each file of a backup, takes each away, and adds some: each is told, by its name, and
// nothing else.
func TestVerifySeesEachByte(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	dir := filepath.Join(t.TempDir(), "b")
	m, err := Make(t.Context(), n.options(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range m.Files {
		name := filepath.Join(dir, f.Name)
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 0 {
			changed := slices.Clone(data)
			changed[len(data)/2] ^= 1
			told(t, dir, f.Name, "is not what was written", func() error { return os.WriteFile(name, changed, 0o600) })
			told(t, dir, f.Name, "bytes, not", func() error { return os.Truncate(name, int64(len(data)-1)) })
		}
		told(t, dir, f.Name, "is missing", func() error { return os.Remove(name) })
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	added := filepath.Join(dir, "state/readers/other")
	told(t, dir, "state/readers/other", "was added", func() error { return os.WriteFile(added, nil, 0o600) })
	if err := os.Remove(added); err != nil {
		t.Fatal(err)
	}
	if got := faults(t, dir); len(got) > 0 {
		t.Errorf("with all as it was it has the faults %q", got)
	}
}

// told does something to a backup, and sees that it is told of the file. What is wrong with the log is told besides.
func told(t *testing.T, dir, name, what string, do func() error) {
	t.Helper()
	if err := do(); err != nil {
		t.Fatal(err)
	}
	got := slices.DeleteFunc(faults(t, dir), func(f string) bool {
		return strings.HasPrefix(name, "state/log/") && !strings.HasPrefix(f, "state/")
	})
	if len(got) != 1 || !strings.HasPrefix(got[0], name+" ") || !strings.Contains(got[0], what) {
		t.Errorf("%s %s: told is %q", name, what, got)
	}
}

// TestVerifyManifest reads manifests that say nothing, too much, or of another version.
func TestVerifyManifest(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	dir := filepath.Join(t.TempDir(), "b")
	if _, err := Make(t.Context(), n.options(), dir); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, manifestName)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	change := func(from, to string) string { return strings.Replace(string(data), from, to, 1) }
	for name, c := range map[string]struct{ text, want string }{
		"newer":   {change(`"format": 1`, `"format": 2`), string(fedmsg.CodeFormat)},
		"cut":     {string(data[:len(data)/2]), string(fedmsg.CodeDamaged)},
		"none":    {"{}", string(fedmsg.CodeDamaged)},
		"outside": {change(`"name": "state/format"`, `"name": "../format"`), "../format cannot be read: open ../format: invalid argument"},
		"range":   {change(`"last": 10`, `"last": 11`), "from 1 to 10, not"},
	} {
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(faults(t, dir), "; "); !strings.Contains(got, c.want) {
			t.Errorf("%s: it says %q, want %q in it", name, got, c.want)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if got := faults(t, dir); !slices.Equal(got, []string{string(fedmsg.CodeNotFound)}) {
		t.Errorf("without one: %q", got)
	}
	if _, err := Verify(t.Context(), filepath.Join(dir, "no"), nil, nil); fedmsg.CodeOf(err) != fedmsg.CodeNotFound || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("where nothing is: %v", err)
	}
}
