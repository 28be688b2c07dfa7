package deadletter

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestLeft holds that the letters of names that are not configured are found, each with its name, and can be looked at and dropped, not
// retried; and that nothing else passes for such a name.
func TestLeft(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b", "a", "kept"} {
		s, err := Open(filepath.Join(dir, name, "dead"), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			add(t, s, Letter{Of: "x", Kind: KindSink, Topic: "a.b"})
		}
	}
	for _, name := range []string{"empty/dead", "bare"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l := Left{Dir: dir, Kind: KindSink, Configured: func(name string) bool { return name == "kept" }}
	for name, want := range map[string]bool{"a": true, "b": true, "empty": true, "kept": false, "bare": false, "file": false, "": false, "a/../a": false, "..": false, "c": false} {
		if l.Has(name) != want {
			t.Errorf("%q: %v, want %v", name, !want, want)
		}
	}
	all, err := l.List("", 0, 2)
	if err != nil || len(all) != 4 || all[0].Of != "a" || all[2].Of != "b" || all[3].Number != 2 || !all[0].Left || all[0].Kind != KindSink {
		t.Errorf("%+v, %v", all, err)
	}
	if some, err := l.List("b", 1, 10); err != nil || len(some) != 2 || some[0].Number != 2 {
		t.Errorf("%+v, %v", some, err)
	}
	if letter, err := l.Get("b", 2); err != nil || letter.Topic != "a.b" || !letter.Left {
		t.Errorf("%+v, %v", letter, err)
	}
	for number, want := range map[uint64]string{
		2: "dead letter 2 of sink b cannot be tried again: no sink of that name is configured any more; configure one again under it, or drop the letter",
		9: "there is no dead letter 9; see `fedmsg dead list`",
	} {
		if err := l.Retry("b", number); fedmsg.CodeOf(err) != fedmsg.CodeNotFound || err.Error() != want {
			t.Errorf("%v", err)
		}
	}
	if err := l.Remove("b", 3); err != nil {
		t.Error(err)
	}
	if some, err := l.List("b", 0, 10); err != nil || len(some) != 2 {
		t.Errorf("%+v, %v", some, err)
	}
	none := Left{Dir: filepath.Join(dir, "nowhere"), Kind: KindSource, Configured: func(string) bool { return false }}
	if all, err := none.List("", 0, 10); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}
