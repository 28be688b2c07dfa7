package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/daemon"
)

// node is a state directory with an open log.
type node struct {
	t     *testing.T
	state string
	log   *commitlog.Log
	made  int
}

func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{t: t, state: filepath.Join(t.TempDir(), "state")}
	for name, text := range map[string]string{
		"format": "1\n", "tokens.json": "{}", "archive.sqlite": "rows", "archive.sqlite-wal": "more rows", "archive-sqlite.gaps": "",
		"readers/mirror": "old", "readers/.hidden": "h", "readers/mirror.tmp": "half", "sinks/rabbit/dead/3": "letter",
		"keys/node.key": "secret", "ca/ca.key": "secret", "spool/1": "a message", ".lock": "",
	} {
		n.put(name, text)
	}
	l, err := net.Listen("unix", filepath.Join(n.state, "fedmsg.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if n.log, err = commitlog.Open(daemon.LogDir(n.state), commitlog.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.log.Close() })
	n.say(10)
	return n
}

func (n *node) put(name, text string) {
	n.t.Helper()
	file := filepath.Join(n.state, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		n.t.Fatal(err)
	}
}

// say stores so many messages.
func (n *node) say(count int) {
	n.t.Helper()
	for range count {
		n.made++
		ticket, err := n.log.Submit(context.Background(), fedmsg.Record{
			ID: fmt.Sprint("m", n.made), Topic: "org.example.dev.x", Envelope: []byte(`{"msg":{}}`), Sender: "uid:0",
		})
		if err == nil {
			_, err = ticket.Wait(context.Background())
		}
		if err != nil {
			n.t.Fatal(err)
		}
	}
}

// options copies the archive's file as it is.
func (n *node) options() Options {
	return Options{State: n.state, CopyArchive: func(_ context.Context, from, to string) error {
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o600)
	}}
}

// files lists the files below dir.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// faults gives what Verify says.
func faults(t *testing.T, dir string) (all []string) {
	t.Helper()
	if _, err := Verify(t.Context(), dir, func(fault string) { all = append(all, fault) }, nil); err != nil {
		all = append(all, string(fedmsg.CodeOf(err)))
	}
	return all
}

// TestWhatIsCopied lists what is in a backup, with secret keys and without.
func TestWhatIsCopied(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	more := filepath.Join(t.TempDir(), "fedmsg.toml")
	if err := os.WriteFile(more, []byte("# nothing\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	always := []string{
		"MANIFEST", "state/archive-sqlite.gaps", "state/archive.sqlite", "state/format", "state/log/00000000000000000001.seg", "state/log/end.json",
		"state/log/log.json", "state/readers/.hidden", "state/readers/backup", "state/readers/mirror", "state/sinks/rabbit/dead/3", "state/tokens.json",
	}
	secret := []string{"state/ca/ca.key", "state/keys/node.key"}
	with := n.options()
	with.Keys, with.Config = true, []string{more}
	without := n.options()
	without.WithoutArchive = true
	for name, c := range map[string]struct {
		o    Options
		want []string
	}{
		"as it is":            {n.options(), always},
		"with all":            {with, slices.Concat(always, secret, []string{"config" + more})},
		"without the archive": {without, slices.DeleteFunc(slices.Clone(always), func(n string) bool { return n == "state/archive.sqlite" })},
	} {
		dir := filepath.Join(t.TempDir(), "b")
		m, err := Make(t.Context(), c.o, dir)
		if err != nil {
			t.Fatal(name, err)
		}
		slices.Sort(c.want)
		if got := files(t, dir); !slices.Equal(got, c.want) {
			t.Errorf("%s: it has\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
		if m.Log.First != 1 || m.Log.Last != 10 || m.Keys != c.o.Keys || m.Archive == c.o.WithoutArchive || len(m.Files) != len(c.want)-1 {
			t.Errorf("%s: the manifest says %+v", name, m)
		}
		if got := faults(t, dir); len(got) > 0 {
			t.Errorf("%s: it has the faults %q", name, got)
		}
		err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("others may use %s: %s", name, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// TestAllIsBehindTheLog lets readers and log go on while the archive is copied: the places are of before, the log is of behind it.
func TestAllIsBehindTheLog(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	o := n.options()
	copyArchive := o.CopyArchive
	o.CopyArchive = func(ctx context.Context, from, to string) error {
		n.say(5)
		n.put("readers/mirror", "new")
		return copyArchive(ctx, from, to)
	}
	dir := filepath.Join(t.TempDir(), "b")
	m, err := Make(t.Context(), o, dir)
	if err != nil {
		t.Fatal(err)
	}
	place, err := os.ReadFile(filepath.Join(dir, "state/readers/mirror"))
	if err != nil || string(place) != "old" || m.Log.Last != 15 {
		t.Errorf("the place is %q and the log ends at %d, want old and 15: %v", place, m.Log.Last, err)
	}
	mark, err := os.ReadFile(filepath.Join(dir, "state/readers/backup"))
	want := fedmsg.Position{Log: n.log.Info().ID, Seq: 16}.String() + "\n"
	if err != nil || string(mark) != want {
		t.Errorf("the mark is %q, want %q: %v", mark, want, err)
	}
}

// TestRefusedPlaces names directories that no backup is made in; what is there stays.
func TestRefusedPlaces(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	top := t.TempDir()
	full, partial, link := filepath.Join(top, "full"), filepath.Join(top, "p"), filepath.Join(top, "link")
	err := errors.Join(os.MkdirAll(filepath.Join(full, "x"), 0o700), os.Mkdir(partial+".partial", 0o700), os.Symlink(n.state, link))
	if err != nil {
		t.Fatal(err)
	}
	before := len(files(t, n.state))
	for dir, code := range map[string]fedmsg.Code{
		full:                               fedmsg.CodeCannotMake,
		partial:                            fedmsg.CodeCannotMake,
		filepath.Join(n.state, "b"):        fedmsg.CodeUsage,
		filepath.Join(n.state, "sinks/b"):  fedmsg.CodeUsage,
		filepath.Join(link, "b"):           fedmsg.CodeUsage,
		filepath.Join(top, "missing", "b"): fedmsg.CodeCannotMake,
	} {
		if _, err := Make(t.Context(), n.options(), dir); fedmsg.CodeOf(err) != code {
			t.Errorf("%s: %v, want %s", dir, err, code)
		}
	}
	names, err := os.ReadDir(top)
	if err != nil || len(names) != 3 || len(files(t, n.state)) != before {
		t.Errorf("there are %v now, and %d files in the state directory, had %d: %v", names, len(files(t, n.state)), before, err)
	}
	empty := filepath.Join(top, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Make(t.Context(), n.options(), empty); err != nil {
		t.Errorf("an empty directory: %v", err)
	}
	if _, err := Make(t.Context(), Options{State: t.TempDir()}, filepath.Join(top, "c")); fedmsg.CodeOf(err) != fedmsg.CodeNotFound {
		t.Errorf("where no log is: %v", err)
	}
}

// TestNothingIsLeft ends backups half-way: by an error and by the context.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for name, fail := range map[string]func() error{
		"error":     func() error { return fedmsg.Errorf(fedmsg.CodeUnavailable, "no") },
		"interrupt": func() error { cancel(); return nil },
	} {
		o := n.options()
		o.CopyArchive = func(context.Context, string, string) error { return fail() }
		top := t.TempDir()
		_, err := Make(ctx, o, filepath.Join(top, "b"))
		left := files(t, top)
		if err == nil || len(left) > 0 {
			t.Errorf("%s: it ends with %v and leaves %v", name, err, left)
		}
	}
}
