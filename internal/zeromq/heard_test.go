package zeromq

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/federated-messaging/fedmsg"
)

// TestHeard holds that a new life goes on behind what the one before had decided, source by source.
func TestHeard(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "heard.json")
	h, err := openHeard(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.save(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was written where nothing was heard")
	}
	h.note("file:///a", "bts.host", 5)
	h.note("file:///a", "bts.host", 6)
	h.note("file:///a", "wiki.host", 100)
	h.note("srv:b", "bts.host", 2)
	if err := h.save(); err != nil {
		t.Fatal(err)
	}
	h.note("srv:b", "bts.host", 1) // its publisher began anew
	if err := h.save(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v %v, want mode 0600", info.Mode(), err)
	}
	again, err := openHeard(path)
	if err != nil {
		t.Fatal(err)
	}
	got := []map[string]uint64{again.after("file:///a"), again.after("srv:b"), again.after("srv:c")}
	if diff := cmp.Diff([]map[string]uint64{{"bts.host": 6, "wiki.host": 100}, {"bts.host": 1}, nil}, got); diff != "" {
		t.Error(diff)
	}
}

// TestHeardDamaged holds that a damaged file is no licence to miss messages in silence.
func TestHeardDamaged(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{", `{"a":{"b":-1}}`, `[]`, `{"a":5}`} {
		path := filepath.Join(t.TempDir(), "heard.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openHeard(path); fedmsg.CodeOf(err) != fedmsg.CodeConfig {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestHeardIsBounded holds that a source which invents names does not fill the memory, and costs nobody else's place.
func TestHeardIsBounded(t *testing.T) {
	t.Parallel()
	h, err := openHeard(filepath.Join(t.TempDir(), "heard.json"))
	if err != nil {
		t.Fatal(err)
	}
	h.note("a", "first", 1)
	for n := range maxHeard + 10 {
		h.note("a", fmt.Sprint(n), 1)
	}
	h.note("a", "first", 2)
	if all := h.after("a"); len(all) != maxHeard || all["first"] != 2 {
		t.Errorf("%d services, the first at %d", len(all), all["first"])
	}
}
