package place

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

func at(seq uint64) fedmsg.Position { return fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: seq} }

func mustOpen(t *testing.T, path string, hold bool) *File {
	t.Helper()
	f, err := Open(path, hold)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSaveAndOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reader")
	f := mustOpen(t, path, true)
	if !f.Position().IsZero() {
		t.Errorf("a new file stands at %s", f.Position())
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("there is a file without a position, which retention could not read")
	}
	f = mustOpen(t, path, true)
	for _, seq := range []uint64{7, 1<<64 - 1, 3} { // also shorter than before
		if err := f.Save(at(seq)); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if words := strings.Fields(string(data)); err != nil || len(data) != size || len(words) != 2 || words[0] != at(seq).String() || words[1] != "hold" {
			t.Errorf("the file holds %q, %v", data, err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = mustOpen(t, path, false) // it holds no more
	if f.Position() != at(3) {
		t.Errorf("it stands at %s", f.Position())
	}
	if err := f.Save(at(3)); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(data)) != at(3).String() || f.Position() != at(3) {
		t.Errorf("the file holds %q, %v", data, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestWrittenByHand holds that a position which a person wrote is taken, whatever the spaces around it, and overwritten whole.
func TestWrittenByHand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reader")
	if err := os.WriteFile(path, []byte("  k3v5q2m7x4ab-12345678 \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := mustOpen(t, path, false)
	if f.Position() != at(12345678) {
		t.Errorf("it stands at %s", f.Position())
	}
	if err := f.Save(at(9)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if f = mustOpen(t, path, false); f.Position() != at(9) {
		t.Errorf("it stands at %s", f.Position())
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNotUnderstood(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reader")
	for _, text := range []string{"", "\n", "yesterday", "k3v5q2m7x4ab-1 keep", "k3v5q2m7x4ab-1 hold hold", "k3v5q2m7x4ab-", strings.Repeat("\x00", 64)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, false); fedmsg.CodeOf(err) != fedmsg.CodeBadPosition || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != text {
			t.Errorf("%q was changed to %q, %v", text, data, err)
		}
	}
}

// countFS counts what costs time, and can fail.
type countFS struct {
	durable.FS
	writes, syncs int
	fail          error
}

func (c *countFS) Create(name string, perm os.FileMode) (durable.File, error) {
	f, err := c.FS.Create(name, perm)
	return &countFile{f, c}, err
}

func (c *countFS) Open(name string, readOnly bool) (durable.File, error) {
	f, err := c.FS.Open(name, readOnly)
	if err != nil {
		return nil, err
	}
	return &countFile{f, c}, nil
}

type countFile struct {
	durable.File
	of *countFS
}

func (f *countFile) WriteAt(b []byte, off int64) (int, error) {
	if f.of.fail != nil {
		return 0, f.of.fail
	}
	f.of.writes++
	return f.File.WriteAt(b, off)
}

func (f *countFile) Sync() error {
	f.of.syncs++
	return f.File.Sync()
}

// TestSaveIsCheap holds that saving is one write without a sync, that the file is whole on disk before the first such, and again when
// it is closed.
func TestSaveIsCheap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reader")
	disk := &countFS{FS: durable.OS{}}
	f, err := open(disk, path, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Save(at(1)); err != nil {
		t.Fatal(err)
	}
	if disk.syncs != 1 {
		t.Errorf("%d syncs for the first", disk.syncs)
	}
	writes := disk.writes
	for seq := range uint64(100) {
		if err := f.Save(at(seq)); err != nil {
			t.Fatal(err)
		}
	}
	if disk.syncs != 1 || disk.writes != writes+100 {
		t.Errorf("%d syncs and %d writes for 100 more", disk.syncs-1, disk.writes-writes)
	}
	disk.fail = errors.New("no space left")
	if err := f.Save(at(500)); err == nil || f.Position() != at(99) {
		t.Errorf("%v, and it stands at %s", err, f.Position())
	}
	disk.fail = nil
	if err := f.Close(); err != nil || disk.syncs != 2 {
		t.Errorf("%v, %d syncs", err, disk.syncs)
	}
	if f = mustOpen(t, path, false); f.Position() != at(99) {
		t.Errorf("it stands at %s", f.Position())
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
