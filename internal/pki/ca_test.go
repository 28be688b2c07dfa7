package pki

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/keys"
)

var errStopped = errors.New("the process has stopped")

// stopping is the file system as a process sees it that stops at its N-th change: that one and all later ones are not made.
type stopping struct {
	durable.OS
	left int
}

func (s *stopping) do(change func() error) error {
	if s.left--; s.left < 0 {
		return errStopped
	}
	return change()
}

func (s *stopping) Create(name string, perm fs.FileMode) (f durable.File, err error) {
	err = s.do(func() error { f, err = s.OS.Create(name, perm); return err })
	return f, err
}

func (s *stopping) Rename(from, to string) error {
	return s.do(func() error { return s.OS.Rename(from, to) })
}

func (s *stopping) Remove(name string) error {
	return s.do(func() error { return s.OS.Remove(name) })
}

func (s *stopping) Mkdir(dir string, perm fs.FileMode) error {
	return s.do(func() error { return s.OS.Mkdir(dir, perm) })
}

func (s *stopping) SyncDir(dir string) error { return s.do(func() error { return s.OS.SyncDir(dir) }) }

func (s *stopping) Lock(name string) (io.Closer, error) { return s.OS.Lock(name) }

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func options() CAOptions {
	return CAOptions{Name: "CA", Algorithm: keys.P256, Valid: 1000 * time.Hour, ListValid: 24 * time.Hour, Now: now}
}

// scenario makes an authority, issues two certificates and revokes one.
func scenario(fsys durable.FS, dir string) error {
	if err := initCA(fsys, dir, options()); err != nil {
		return err
	}
	for _, name := range []string{"a", "b"} {
		err := change(fsys, dir, func(c *CA) error {
			_, err := c.Issue(name, LeafOptions{Algorithm: keys.Ed25519, Valid: time.Hour, Out: filepath.Join(dir, "out"), Now: now})
			return err
		})
		if err != nil {
			return err
		}
	}
	return change(fsys, dir, func(c *CA) error {
		_, err := c.Revoke("a", false, now, now)
		return err
	})
}

func change(fsys durable.FS, dir string, do func(*CA) error) error {
	c, err := openCA(fsys, dir, now)
	if err != nil {
		return err
	}
	return errors.Join(do(c), c.Close())
}

// TestInterrupted stops the process at each of its changes, and holds what is found then: all or nothing of an authority, no
// certificate that cannot be revoked, and no revocation that is forgotten.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		dir := filepath.Join(t.TempDir(), "ca")
		err := scenario(&stopping{left: n}, dir)
		if err == nil {
			t.Logf("%d changes", n)
			if n < 20 {
				t.Errorf("only %d changes were made", n)
			}
			return
		}
		if !errors.Is(err, errStopped) {
			t.Fatalf("stopped at change %d: %s", n, err)
		}
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			if err := scenario(durable.OS{}, dir); err != nil {
				t.Fatalf("stopped at change %d, and begun anew: %s", n, err)
			}
			continue
		}
		checkInterrupted(t, dir, n)
	}
}

func checkInterrupted(t *testing.T, dir string, n int) {
	t.Helper()
	if err := change(durable.OS{}, dir, func(*CA) error { return nil }); err != nil {
		t.Fatalf("stopped at change %d: %s", n, err)
	}
	o, err := ReadCA(dir)
	if err != nil || o.Unfinished {
		t.Fatalf("stopped at change %d: %+v, %v", n, o, err)
	}
	cert, err := readCACert(dir)
	if err != nil {
		t.Fatal(err)
	}
	list, err := readList(dir, cert)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range o.Certificates {
		if serial, _ := parseSerial(r.Serial); list.revoked[serialKey(serial.Bytes())].Equal(now) == r.Revoked.IsZero() {
			t.Errorf("stopped at change %d: the list does not say of %s what the index says: %v", n, r.Name, r.Revoked)
		}
	}
	for _, below := range []string{issued, "out"} {
		found, _ := filepath.Glob(filepath.Join(dir, below, "*.crt"))
		for _, path := range found {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			serial := parse(t, unpem(t, text)).SerialNumber
			known := func(r Record) bool { own, _ := parseSerial(r.Serial); return own.Cmp(serial) == 0 }
			if !slices.ContainsFunc(o.Certificates, known) {
				t.Errorf("stopped at change %d: %s is not in the index", n, path)
			}
		}
	}
	// And the work can be done again.
	if err := change(durable.OS{}, dir, func(c *CA) error {
		_, err := c.Issue("a", LeafOptions{Algorithm: keys.Ed25519, Valid: time.Hour, Out: filepath.Join(dir, "out"), Now: now})
		if err == nil {
			_, err = c.Revoke("a", true, now, now)
		}
		return err
	}); err != nil {
		t.Errorf("stopped at change %d, and gone on: %s", n, err)
	}
}

// TestTwoWriters holds that an authority is one process's at a time.
func TestTwoWriters(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ca")
	if err := InitCA(dir, options()); err != nil {
		t.Fatal(err)
	}
	c, err := OpenCA(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	_, err = OpenCA(dir, now)
	holdError(t, err, fedmsg.CodeLocked, "another command is changing the authority in "+dir)
	if _, err := ReadCA(dir); err != nil {
		t.Error(err)
	}
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	if err := change(durable.OS{}, dir, func(*CA) error { return nil }); err != nil {
		t.Error(err)
	}
}

// TestIssuedIsTaken holds that what is issued here is judged well here, and until when.
func TestIssuedIsTaken(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ca")
	if err := InitCA(dir, options()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, caCert))
	if err != nil {
		t.Fatal(err)
	}
	a, err := NewAuthority(text, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, algorithm := range []keys.Algorithm{keys.Ed25519, keys.P256, keys.RSAPSS} {
		err := change(durable.OS{}, dir, func(c *CA) error {
			i, err := c.Issue(string(algorithm), LeafOptions{Algorithm: algorithm, Valid: 5000 * time.Hour, Now: now})
			if err != nil {
				return err
			}
			text, err := os.ReadFile(i.CertFile)
			if err != nil {
				return err
			}
			key, err := keys.ReadPrivate(i.KeyFile)
			if err != nil {
				return err
			}
			l := mustIssue(t, a, unpem(t, text))
			if l.Name != string(algorithm) || l.Key.ID() != key.Public().ID() || l.Key.Algorithm() != algorithm {
				t.Errorf("%s was issued as %+v", algorithm, l)
			}
			end := now.Add(1000 * time.Hour) // of the authority
			if l.CheckAt(now.Add(-skew)) != nil || l.CheckAt(end) != nil || l.CheckAt(end.Add(time.Second)) == nil || !i.Expires.Equal(end) {
				t.Errorf("%s is valid until %s", algorithm, i.Expires)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	err = change(durable.OS{}, dir, func(c *CA) error {
		_, err := c.Issue("late", LeafOptions{Algorithm: keys.Ed25519, Valid: time.Hour, Now: now.Add(1000 * time.Hour)})
		return err
	})
	holdError(t, err, fedmsg.CodeExpired, "ended on 2027-01-02")
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "bodhi-bodhi01.phx2.fedoraproject.org", "Relay_1@host", strings.Repeat("a", 64)} {
		if err := CheckName(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", ".", "..", "-a", "a/b", "a b", "a+2", "é", "a\x00", "a\n", strings.Repeat("a", 65)} {
		if err := CheckName(name); fedmsg.CodeOf(err) != fedmsg.CodeUsage {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestOtherKey holds that a key which is not the certificate's is noticed before it signs.
func TestOtherKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	if err := errors.Join(InitCA(one, options()), InitCA(two, options())); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(two, caKey), filepath.Join(one, caKey)); err != nil {
		t.Fatal(err)
	}
	_, err := OpenCA(one, now)
	holdError(t, err, fedmsg.CodeConfig, "is not the key of ca.crt")
}

// TestNewerIndex holds that the index of a newer version is refused and not changed.
func TestNewerIndex(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ca")
	if err := InitCA(dir, options()); err != nil {
		t.Fatal(err)
	}
	for text, code := range map[string]fedmsg.Code{
		`{"format":2,"new":1}`: fedmsg.CodeFormat,
		`{"format":1,"name":"CA","list_number":1,"list_valid":"1h","certificates":[],"extra":1}`:     fedmsg.CodeConfig,
		`{"format":1,"name":"CA","list_number":1,"list_valid":"soon","certificates":[]}`:             fedmsg.CodeConfig,
		`{"format":1,"name":"CA","list_number":1,"list_valid":"1h","certificates":[{"name":"a"}]}`:   fedmsg.CodeConfig,
		`{"format":1,"name":"CA","list_number":1,"list_valid":"1h","certificates":[{"serial":"1"}]}`: fedmsg.CodeConfig,
		`{"format":0,"name":"CA","list_number":1,"list_valid":"1h","certificates":[]}`:               fedmsg.CodeConfig,
		`{"format":1,"name":"CA","list_number":1,"list_valid":"1h","certificates":[]} "more"`:        fedmsg.CodeConfig,
	} {
		if err := os.WriteFile(filepath.Join(dir, caIndex), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := OpenCA(dir, now)
		holdError(t, err, code, caIndex)
	}
}

// TestRevokedFromNowOn: what was received earlier in the second of a revocation stays good, since lists know whole seconds alone.
func TestRevokedFromNowOn(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "ca")
	if err := initCA(durable.OS{}, dir, options()); err != nil {
		t.Fatal(err)
	}
	for name, since := range map[string]time.Duration{"whole": 0, "broken": 300 * time.Millisecond} {
		at := now.Truncate(time.Second).Add(since)
		err := change(durable.OS{}, dir, func(c *CA) error {
			if _, err := c.Issue(name, LeafOptions{Algorithm: keys.Ed25519, Valid: time.Hour, Out: filepath.Join(dir, "out"), Now: at}); err != nil {
				return err
			}
			revoked, err := c.Revoke(name, false, at, at)
			if len(revoked) != 1 || revoked[0].Revoked.Before(at) || revoked[0].Revoked.Sub(at) >= time.Second || revoked[0].Revoked.Nanosecond() != 0 {
				t.Errorf("%s: got %v for %s", name, revoked, at)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}
