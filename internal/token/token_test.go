package token

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// clock is a time that a test moves.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func pattern(t *testing.T, s string) fedmsg.Pattern {
	t.Helper()
	p, err := fedmsg.ParsePattern(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// add makes a token that may publish on org.example.# and read everything, and gives its secret.
func add(t *testing.T, path, name string, expires time.Time) string {
	t.Helper()
	tok, secret, err := New(name, []fedmsg.Pattern{pattern(t, "org.example.#")}, []fedmsg.Pattern{fedmsg.MatchAll()}, start, expires)
	if err != nil {
		t.Fatal(err)
	}
	if err := Add(path, tok); err != nil {
		t.Fatal(err)
	}
	return secret
}

// open gives a store of the file at path, its clock and its log.
func open(t *testing.T, path string) (*Store, *clock, *bytes.Buffer) {
	t.Helper()
	c, out := &clock{start}, &bytes.Buffer{}
	s, err := Open(Config{Path: path, Now: c.Now, Logger: slog.New(slog.NewTextHandler(out, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return s, c, out
}

func TestLookup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	first, second := add(t, path, "ci", time.Time{}), add(t, path, "web", time.Time{})
	if !regexp.MustCompile(`^fedmsg_[a-z2-7]{52}$`).MatchString(first) || first == second {
		t.Errorf("secrets are %s and %s", first, second)
	}
	s, _, _ := open(t, path)
	g, ok := s.Lookup(second)
	if !ok || g.Name != "web" || len(g.Publish) != 1 || !g.Publish[0].Match("org.example.a") || g.Publish[0].Match("org.other.a") || !g.Read[0].Match("x") {
		t.Errorf("Lookup = %+v, %v", g, ok)
	}
	if g, ok := s.Named("ci"); !ok || g.Name != "ci" {
		t.Errorf("Named = %+v, %v", g, ok)
	}
	for _, secret := range []string{"", "fedmsg_", first[:len(first)-1], first + "a", strings.ToUpper(first), "ci"} {
		if g, ok := s.Lookup(secret); ok {
			t.Errorf("Lookup(%q) = %+v", secret, g)
		}
	}
	if _, ok := s.Named("nobody"); ok || s.Len() != 2 {
		t.Errorf("Named(nobody) = %v, Len = %d", ok, s.Len())
	}
}

// TestSecretNotStored looks for the secret in all that is written.
func TestSecretNotStored(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tokens.json")
	secret := add(t, path, "ci", time.Time{})
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", e.Name(), info.Mode(), err)
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte(strings.TrimPrefix(secret, secretPrefix)[:8])) {
			t.Errorf("%s has the secret: %s", e.Name(), data)
		}
	}
}

func TestExpires(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	secret := add(t, path, "ci", start.Add(time.Hour))
	s, c, _ := open(t, path)
	c.now = start.Add(time.Hour - time.Second)
	if _, ok := s.Lookup(secret); !ok || s.Len() != 1 {
		t.Error("refused before its end")
	}
	c.now = start.Add(time.Hour)
	if _, ok := s.Lookup(secret); ok || s.Len() != 0 {
		t.Error("accepted at its end")
	}
	if _, ok := s.Named("ci"); ok {
		t.Error("named at its end")
	}
}

// TestReload changes the file beside the store in every way; it looks again a second later, and not before.
func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	s, c, _ := open(t, path)
	secret := add(t, path, "ci", time.Time{})
	if _, ok := s.Lookup(secret); ok {
		t.Error("the file was looked at twice within a second")
	}
	c.now = c.now.Add(time.Second)
	if _, ok := s.Lookup(secret); !ok {
		t.Error("a new token is not seen after a second")
	}
	if err := Revoke(path, "ci"); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(-time.Hour) // the clock is set back
	if _, ok := s.Lookup(secret); ok {
		t.Error("a revoked token is accepted")
	}
	secret = add(t, path, "ci", time.Time{})
	c.now = c.now.Add(time.Second)
	if _, ok := s.Lookup(secret); !ok {
		t.Error("a token made again is not seen")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(time.Second)
	if _, ok := s.Lookup(secret); ok || s.Err() != nil {
		t.Errorf("a token of a removed file is accepted, or %v", s.Err())
	}
}

// TestUnusableFile holds that a file that others may read, or that makes no sense, lets nobody in, and that the store takes it
// again when it is mended.
func TestUnusableFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	secret := add(t, path, "ci", time.Time{})
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	replaced := func(old, new string) func() error {
		return func() error { return os.WriteFile(path, bytes.Replace(good, []byte(old), []byte(new), 1), 0o600) }
	}
	for _, c := range []struct {
		name  string
		spoil func() error
		code  fedmsg.Code
		want  string
	}{
		{"group may read", func() error { return os.Chmod(path, 0o640) }, fedmsg.CodeConfig, "chmod 600"},
		{"others may write", func() error { return os.Chmod(path, 0o602) }, fedmsg.CodeConfig, "mode 0602"},
		{"torn", func() error { return os.WriteFile(path, good[:len(good)/2], 0o600) }, fedmsg.CodeConfig, "not JSON"},
		{"newer", replaced(`"format": 1`, `"format": 2, "x": 1`), fedmsg.CodeFormat, "newer fedmsg"},
		{"no format", replaced(`"format": 1,`, ``), fedmsg.CodeConfig, "format 0"},
		{"unknown key", replaced(`"created"`, `"expired": 1, "created"`), fedmsg.CodeConfig, "does not make sense"},
		{"short hash", replaced(`"sha256": "`, `"sha256": "00`), fedmsg.CodeConfig, "does not make sense"},
		{"bad pattern", replaced(`"org.example.#"`, `"org.example."`), fedmsg.CodeConfig, "does not make sense"},
		{"bad name", replaced(`"ci"`, `"c\ni"`), fedmsg.CodeConfig, "bad name"},
		{"directory", func() error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) }, fedmsg.CodeConfig, "not a regular file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, clk, out := open(t, path)
			if err := c.spoil(); err != nil {
				t.Fatal(err)
			}
			clk.now = clk.now.Add(2 * time.Second)
			if _, ok := s.Lookup(secret); ok {
				t.Error("the token is accepted")
			}
			if fedmsg.CodeOf(s.Err()) != c.code || !strings.Contains(s.Err().Error(), c.want) {
				t.Errorf("error is %v", s.Err())
			}
			clk.now = clk.now.Add(2 * time.Second)
			if s.Err(); strings.Count(out.String(), "level=ERROR") != 1 {
				t.Errorf("not logged once:\n%s", out)
			}
			if _, err := Open(Config{Path: path}); fedmsg.CodeOf(err) != c.code {
				t.Errorf("Open gives %v", err)
			}
			if err := Revoke(path, "ci"); fedmsg.CodeOf(err) != c.code {
				t.Errorf("Revoke gives %v", err)
			}
			if err := errors.Join(os.Remove(path), os.WriteFile(path, good, 0o600)); err != nil {
				t.Fatal(err)
			}
			clk.now = clk.now.Add(2 * time.Second)
			if _, ok := s.Lookup(secret); !ok {
				t.Errorf("the token is refused after the file was mended: %v", s.Err())
			}
		})
	}
}

// TestEditAsRoot holds that a file that root has edited belongs to whom the state directory belongs, who is to read it.
func TestEditAsRoot(t *testing.T) {
	fedmsgtest.Root(t) // only root can give files away
	dir := t.TempDir()
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "tokens.json")
	add(t, path, "ci", time.Time{})
	for _, name := range []string{path, filepath.Join(dir, ".tokens.lock")} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); st.Uid != 65534 || st.Gid != 65534 || info.Mode().Perm() != 0o600 {
			t.Errorf("owner of %s is %d:%d, mode %v", name, st.Uid, st.Gid, info.Mode())
		}
	}
}

func TestEditRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	add(t, path, "ci", time.Time{})
	if err := Add(path, Token{Name: "ci", SHA256: Hash{1}}); fedmsg.CodeOf(err) != fedmsg.CodeUsage {
		t.Errorf("a name that is taken: %v", err)
	}
	if err := Revoke(path, "nobody"); fedmsg.CodeOf(err) != fedmsg.CodeNotFound {
		t.Errorf("a name that is not there: %v", err)
	}
	for _, name := range []string{"", "two words", "a\nb", "ä", strings.Repeat("x", 65)} {
		if _, _, err := New(name, nil, nil, start, time.Time{}); fedmsg.CodeOf(err) != fedmsg.CodeUsage {
			t.Errorf("name %q: %v", name, err)
		}
	}
	if err := Add(filepath.Join(t.TempDir(), "none", "tokens.json"), Token{Name: "x"}); fedmsg.CodeOf(err) != fedmsg.CodeCannotMake {
		t.Errorf("no directory: %v", err)
	}
	tokens, err := Read(path)
	if err != nil || len(tokens) != 1 {
		t.Errorf("after all of it: %v, %v", tokens, err)
	}
}

// TestEditTogether has many editors at once; each one's token must be there in the end.
func TestEditTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.json")
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			tok, _, err := New(fmt.Sprintf("t%d", i), nil, nil, start, time.Time{})
			if err != nil {
				t.Error(err)
			}
			if err := Add(path, tok); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	tokens, err := Read(path)
	if err != nil || len(tokens) != 32 {
		t.Errorf("%d tokens of 32, %v", len(tokens), err)
	}
}

func BenchmarkLookup(b *testing.B) {
	tokens := make([]Token, maxTokens)
	for i := range tokens {
		tokens[i].SHA256[0] = byte(i)
	}
	s := &Store{c: Config{Now: time.Now, Every: time.Hour}, tokens: tokens, checked: time.Now()}
	for b.Loop() {
		s.Lookup("fedmsg_nobody")
	}
}

// TestReadOfOthersIsForbidden holds that a file which the caller may not read is told from one that makes no sense.
func TestReadOfOthersIsForbidden(t *testing.T) {
	err := notOpened(&fs.PathError{Op: "open", Path: "/a", Err: syscall.EACCES}, "/a")
	if got := fedmsg.CodeOf(err); got.ExitStatus() != 77 || !strings.Contains(err.Error(), "run as its owner") {
		t.Errorf("%v (%s)", err, got)
	}
	if got := fedmsg.CodeOf(notOpened(syscall.EMFILE, "/a")); got != fedmsg.CodeConfig {
		t.Errorf("no descriptors left: %s", got)
	}
	if os.Geteuid() == 0 {
		return // who may read everything
	}
	path := filepath.Join(t.TempDir(), "tokens.json")
	if err := os.WriteFile(path, []byte("{}"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); fedmsg.CodeOf(err) != fedmsg.CodeForbidden {
		t.Errorf("Read = %v", err)
	}
}
