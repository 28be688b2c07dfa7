package maildir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// made makes a Maildir and opens it.
func made(t *testing.T) (path string, d *Dir) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "mails")
	for _, in := range []string{"tmp", fresh, known} {
		if err := os.MkdirAll(filepath.Join(path, in), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return path, d
}

func write(t *testing.T, path string, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(path, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func names(mails []Mail) (all []string) {
	for _, m := range mails {
		all = append(all, m.String())
	}
	return all
}

// below gives all files under a directory, with their first bytes.
func below(t *testing.T, path string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(name)
		all = append(all, name[len(path)+1:]+"="+string(text[:min(len(text), 20)]))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func hold(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// TestList holds which mails there are to take, in the order of their names.
func TestList(t *testing.T) {
	t.Parallel()
	path, d := made(t)
	for _, name := range []string{
		"new/3.c", "new/1.a", "new/2.b:2,", "new/.hidden", "tmp/0.t",
		"cur/1.read:2,S", "cur/2.flagged:2,FR", "cur/3.plain", "cur/4.trash:2,T", "cur/5.S:2,", "cur/6.both:2,FS", "cur/7.S:1,S",
	} {
		write(t, path, name, name)
	}
	mails, odd, err := d.Fresh(100)
	if err != nil || odd != "" {
		t.Fatal(odd, err)
	}
	hold(t, "new", names(mails), "new/1.a", "new/2.b:2,", "new/3.c")
	if mails, _, err = d.Known(100); err != nil {
		t.Fatal(err)
	}
	hold(t, "cur", names(mails), "cur/2.flagged:2,FR", "cur/3.plain", "cur/5.S:2,", "cur/7.S:1,S")
	if mails, _, err := d.Fresh(2); err != nil || len(mails) != 2 {
		t.Errorf("%d mails, want 2 (%v)", len(mails), err)
	}
}

// TestHostile holds that nothing but plain files inside the Maildir is looked at, whatever it is called and whatever lies beside it, and
// that nothing is waited for.
func TestHostile(t *testing.T) {
	t.Parallel()
	path, d := made(t)
	outside := filepath.Join(t.TempDir(), "secret")
	write(t, "", outside, "secret")
	for _, err := range []error{
		os.Symlink(outside, filepath.Join(path, "new/link")), os.Symlink("2.b", filepath.Join(path, "new/inner")),
		os.Symlink("../../secret", filepath.Join(path, "new/up")), syscall.Mkfifo(filepath.Join(path, "new/pipe"), 0o600),
		os.Mkdir(filepath.Join(path, "new/directory"), 0o700), os.Symlink(filepath.Dir(outside), filepath.Join(path, "new/dirlink")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	odd := []string{"1\n2\x1b[31m", "2.b", "a:2,..", "\xff\xfe", "..x", `back\slash`, strings.Repeat("n", 255)}
	for _, name := range odd {
		write(t, path, "new/"+name, "mail")
	}
	mails, what, err := d.Fresh(100)
	if err == nil && what == "" {
		t.Error("nobody is told of what is passed over")
	}
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"new/1\n2\x1b[31m", "new/2.b", "new/a:2,..", "new/" + `back\slash`, "new/" + strings.Repeat("n", 255), "new/\xff\xfe"}
	hold(t, "new", names(mails), want...)
	for _, name := range []string{"link", "inner", "up", "pipe", "directory", "dirlink/secret", "../../secret"} {
		if raw, err := d.Read(Mail{fresh, name}, 100); err == nil {
			t.Errorf("%s was read: %q", name, raw)
		}
	}
	for _, m := range mails {
		if raw, err := d.Read(m, 4); err != nil || string(raw) != "mail" {
			t.Errorf("%q: %q, %v", m, raw, err)
		}
		if err := d.MarkSeen(m); err != nil {
			t.Error(err)
		}
	}
	if mails, _, err = d.Fresh(100); err != nil || len(mails) != 0 {
		t.Errorf("%q are still there (%v)", names(mails), err)
	}
	if left, err := os.ReadDir(filepath.Join(path, known)); err != nil || len(left) != len(want) {
		t.Errorf("%d mails in cur, want %d (%v)", len(left), len(want), err)
	}
	hold(t, "outside", below(t, filepath.Dir(outside)), "secret=secret")
}

// TestReplacedByLink holds that a mail which becomes a link, or another file, between two looks is not taken for what it was.
func TestReplacedByLink(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "secret")
	write(t, "", outside, "secret")
	for what, replace := range map[string]func(path string) error{
		"directory by a link": func(path string) error {
			return errors.Join(os.RemoveAll(filepath.Join(path, fresh)), os.Symlink(filepath.Dir(outside), filepath.Join(path, fresh)))
		},
		"mail by a link": func(path string) error {
			return errors.Join(os.Remove(filepath.Join(path, "new/secret")), os.Symlink(outside, filepath.Join(path, "new/secret")))
		},
		"mail by a pipe": func(path string) error {
			return errors.Join(os.Remove(filepath.Join(path, "new/secret")), syscall.Mkfifo(filepath.Join(path, "new/secret"), 0o600))
		},
	} {
		path, d := made(t)
		write(t, path, "new/secret", "mail")
		if err := replace(path); err != nil {
			t.Fatal(err)
		}
		if raw, err := d.Read(Mail{fresh, "secret"}, 100); err == nil {
			t.Errorf("%s: read %q", what, raw)
		}
	}
}

// TestReplacedAtLast holds the same for the moment between looking at a mail and opening it.
func TestReplacedAtLast(t *testing.T) {
	t.Parallel()
	for what, replace := range map[string]func(name string) error{
		"pipe":   func(name string) error { return syscall.Mkfifo(name, 0o600) },
		"link":   func(name string) error { return os.Symlink("../cur/other", name) },
		"nobody": func(string) error { return nil },
	} {
		path, d := made(t)
		write(t, path, "new/mail", "mail")
		write(t, path, "cur/other", "other")
		before, err := d.root.Lstat("new/mail")
		name := filepath.Join(path, "new/mail")
		if err := errors.Join(err, os.Remove(name), replace(name)); err != nil {
			t.Fatal(err)
		}
		if f, _, err := d.open("new/mail", before); err == nil {
			t.Errorf("%s: opened %s", what, f.Name())
		}
	}
}

// TestTooLarge holds that a large mail is not read, and that one of the most bytes is.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	path, d := made(t)
	write(t, path, "new/1", "12345")
	write(t, path, "new/2", "")
	if err := os.Truncate(filepath.Join(path, "new/2"), 1<<40); err != nil { // which no memory has room for
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		max  int64
		want fedmsg.Code
	}{{"1", 5, ""}, {"1", 4, fedmsg.CodeTooLarge}, {"2", 50 << 20, fedmsg.CodeTooLarge}, {"3", 1, fedmsg.CodeNotFound}} {
		raw, err := d.Read(Mail{fresh, c.name}, c.max)
		if c.want == "" && (err != nil || string(raw) != "12345") || c.want != "" && fedmsg.CodeOf(err) != c.want {
			t.Errorf("%s of %d: %q, %v", c.name, c.max, raw, err)
		}
	}
}

// TestDone holds what becomes of mails that are done with, and that no other mail is lost by that.
func TestDone(t *testing.T) {
	t.Parallel()
	path, d := made(t)
	for name, text := range map[string]string{
		"new/1.a": "first", "cur/1.a:2,S": "another", "new/2.b:2,x;": "second", "cur/3.c:2,RF": "third", "cur/4.d": "fourth", "new/5.e": "fifth",
	} {
		write(t, path, name, text)
	}
	for _, m := range []Mail{{fresh, "1.a"}, {fresh, "2.b:2,x;"}, {known, "3.c:2,RF"}, {known, "4.d"}, {fresh, "gone"}, {known, "1.a:2,S"}} {
		if err := d.MarkSeen(m); err != nil {
			t.Error(err)
		}
	}
	for _, m := range []Mail{{fresh, "5.e"}, {fresh, "5.e"}} {
		if err := d.Remove(m); err != nil {
			t.Error(err)
		}
	}
	got := below(t, path)
	for i := range got { // the name is of no matter
		if strings.HasPrefix(got[i], "cur/fedmsg-") && strings.HasSuffix(got[i], "-1:2,S=first") {
			got[i] = "cur/other=first"
		}
	}
	slices.Sort(got)
	hold(t, "mails", got, "cur/1.a:2,S=another", "cur/2.b:2,Sx=second", "cur/3.c:2,FRS=third", "cur/4.d:2,S=fourth", "cur/other=first")
}

// TestOpen holds that what is no Maildir is told, and that one which was replaced is noticed.
func TestOpen(t *testing.T) {
	t.Parallel()
	path, d := made(t)
	if err := d.Replaced(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(os.Rename(path, path+".old"), os.Mkdir(path, 0o700), os.Mkdir(filepath.Join(path, fresh), 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := d.Replaced(); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable || !strings.Contains(err.Error(), "replaced") {
		t.Errorf("another directory: %v", err)
	}
	write(t, path, known, "a file")
	for _, path := range []string{path, path + ".none"} {
		if _, err := Open(path); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := d.Replaced(); fedmsg.CodeOf(err) != fedmsg.CodeUnavailable {
		t.Errorf("no directory: %v", err)
	}
}
