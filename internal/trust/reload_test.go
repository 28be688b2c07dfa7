package trust_test

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/trust"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// clock is one that tests put forward.
type clock struct {
	mu  sync.Mutex
	now time.Time // guarded by mu
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// reloading is a store with a trust file of which the test says what is in it.
type reloading struct {
	*trust.Store
	clock *clock
	path  string

	mu   sync.Mutex
	file trust.File // guarded by mu; what the trust file holds
	err  error      // guarded by mu
}

func newReloading(t *testing.T, roots ...trust.Root) *reloading {
	t.Helper()
	r := &reloading{clock: &clock{now: time.Now()}, path: write(t, "trust.toml", []byte("x")), file: trust.File{Trust: roots}}
	c := config()
	c.Every, c.Now, c.Path, c.Read = time.Second, r.clock.Now, r.path, r.read
	r.Store = open(t, c)
	return r
}

func (r *reloading) read(string) (trust.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.file, r.err
}

// rewrite puts roots into the trust file.
func (r *reloading) rewrite(t *testing.T, err error, roots ...trust.Root) {
	t.Helper()
	r.mu.Lock()
	r.file, r.err = trust.File{Trust: roots}, err
	r.mu.Unlock()
	replace(t, r.path, []byte(time.Now().String()))
	r.clock.add(2 * time.Second)
}

func (r *reloading) level(t *testing.T) trust.Level {
	t.Helper()
	return r.Health(r.clock.Now())[0].Level
}

// TestReload follows the files without a restart: roots that come and go, keys, lists, and files that are broken for a while.
func TestReload(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	list := c.authority.list(t, validUntil, validFrom)
	c.root.CRL = write(t, "crl.pem", list)
	first, second := newKey(t, "ed25519", 0), newKey(t, "ed25519", 0)
	host := keyRoot(t, "host", first)
	host.Keys = []string{write(t, "host.pem", read(t, first.public))}
	r := newReloading(t, c.root)
	byFirst, bySecond := array(t, first.detached(t, c.message)), array(t, second.detached(t, c.message))
	hold := func(what, site, one, two string, level trust.Level) {
		t.Helper()
		if got := c.judged(t, r.Store, then); got != site {
			t.Errorf("%s: the certificate: got %q, want %q", what, got, site)
		}
		if got := judgedWith(t, r.Store, c.message, then, byFirst); got != one {
			t.Errorf("%s: the first key: got %q, want %q", what, got, one)
		}
		if got := judgedWith(t, r.Store, c.message, then, bySecond); got != two {
			t.Errorf("%s: the second key: got %q, want %q", what, got, two)
		}
		if got := r.level(t); got != level {
			t.Errorf("%s: health is %d, want %d: %v", what, got, level, r.Health(r.clock.Now()))
		}
	}
	const unknown = "bad unknown_signer"
	later := func() { r.clock.add(2 * time.Second) }

	hold("at first", goodSite, unknown, unknown, trust.OK)
	r.rewrite(t, nil, c.root, host)
	hold("a root came", goodSite, "ok host", unknown, trust.OK)
	replace(t, host.Keys[0], append(read(t, first.public), read(t, second.public)...))
	hold("a key came, too early to see", goodSite, "ok host", unknown, trust.OK)
	later()
	hold("a key came", goodSite, "ok host", "ok host", trust.OK)
	replace(t, host.Keys[0], read(t, second.public))
	later()
	hold("a key went", goodSite, unknown, "ok host", trust.OK)
	replace(t, host.Keys[0], []byte("broken"))
	later()
	hold("keys broken", goodSite, unknown, "ok host", trust.Failed)
	replace(t, c.root.CRL, c.authority.list(t, validUntil, validFrom, c.cert))
	later()
	hold("keys broken, a new list beside", "bad revoked", unknown, "ok host", trust.Failed)
	replace(t, host.Keys[0], read(t, first.public))
	later()
	hold("keys mended", "bad revoked", "ok host", unknown, trust.OK)
	replace(t, c.root.CRL, []byte("broken"))
	later()
	hold("list broken", "bad revoked", "ok host", unknown, trust.Failed)
	if err := os.Remove(c.root.CRL); err != nil {
		t.Fatal(err)
	}
	later()
	hold("list gone", "bad revoked", "ok host", unknown, trust.Failed)
	replace(t, c.root.CRL, list)
	later()
	hold("list mended", goodSite, "ok host", unknown, trust.OK)
	r.rewrite(t, errors.New("not TOML"))
	hold("trust file broken", goodSite, "ok host", unknown, trust.Failed)
	r.rewrite(t, nil, trust.Root{Name: "x"})
	hold("trust file without sense", goodSite, "ok host", unknown, trust.Failed)
	lost := keyRoot(t, "lost")
	lost.Keys = []string{"/nowhere/key.pem"}
	r.rewrite(t, nil, c.root, lost)
	hold("a root without its file", goodSite, unknown, unknown, trust.Failed)
	host.Topics = patterns(t, "net.example.#")
	r.rewrite(t, nil, host)
	hold("other topics, and a root went", unknown, "bad wrong_topic", unknown, trust.OK)
	other := newAuthority(t, "our-ca")
	replace(t, c.root.CA, read(t, other.file))
	replace(t, c.root.CRL, other.list(t, validUntil, validFrom))
	r.rewrite(t, nil, c.root)
	hold("another authority", unknown, unknown, unknown, trust.OK)
}

// TestNewListKeepsTheCache parses no certificate again because a revocation list is new.
func TestNewListKeepsTheCache(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	c.root.CRL = write(t, "crl.pem", c.authority.list(t, validUntil, validFrom))
	r := newReloading(t, c.root)
	if got := c.judged(t, r.Store, then); got != goodSite || !trust.Cached(r.Store, c.cert) {
		t.Errorf("got %q; cached: %v", got, trust.Cached(r.Store, c.cert))
	}
	replace(t, c.root.CRL, c.authority.list(t, validUntil, then, c.cert))
	r.clock.add(2 * time.Second)
	r.Health(then)
	if !trust.Cached(r.Store, c.cert) {
		t.Error("the certificate was forgotten")
	}
	if got := c.judged(t, r.Store, then); got != "bad revoked" {
		t.Errorf("by the new list: got %q", got)
	}
}

// TestLegacyIsTakenBack holds what a root was legacy for against it as soon as it is legacy no more.
func TestLegacyIsTakenBack(t *testing.T) {
	t.Parallel()
	var file struct{ Cases []validationCase }
	readJSON(t, &file, "interop", "vectors", "x05_validation_outcomes.json")
	root := vectors(t)
	r := newReloading(t, root)
	weak := []byte(file.Cases[2].Wire)
	if got := judged(t, r.Store, weak, then); got != "ok research/sha1-vm.example.com" {
		t.Errorf("as legacy: got %q", got)
	}
	root.Legacy = false
	r.rewrite(t, nil, root)
	if got := judged(t, r.Store, weak, then); got != "bad weak_signature" {
		t.Errorf("as legacy no more: got %q", got)
	}
}

// TestClockSetBack goes on looking at files.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	r := newReloading(t, c.root)
	replace(t, c.root.CA, []byte("broken"))
	r.clock.add(-time.Hour)
	if got := r.level(t); got != trust.Failed {
		t.Errorf("health is %d", got)
	}
}

// TestNewAuthorityForgetsTheOld keeps no certificate in the cache that the authority of now did not issue.
func TestNewAuthorityForgetsTheOld(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	r := newReloading(t, c.root)
	if got := c.judged(t, r.Store, then); got != goodSite {
		t.Fatalf("got %q", got)
	}
	replace(t, c.root.CA, read(t, newAuthority(t, "our-ca").file))
	r.clock.add(2 * time.Second)
	if got := c.judged(t, r.Store, then); got != "bad unknown_signer" {
		t.Errorf("got %q", got)
	}
}

// TestNewAuthorityNeedsItsList trusts nobody by a new authority while the list beside it is that of the old one.
func TestNewAuthorityNeedsItsList(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	c.root.CRL = write(t, "crl.pem", c.authority.list(t, validUntil, validFrom))
	r := newReloading(t, c.root)
	next := newCertified(t)
	replace(t, c.root.CA, read(t, next.authority.file))
	r.clock.add(2 * time.Second)
	if got := next.judged(t, r.Store, then); got != "bad unknown_signer" || r.level(t) != trust.Failed {
		t.Errorf("with the old list: got %q, %v", got, r.Health(then))
	}
	replace(t, c.root.CRL, next.authority.list(t, validUntil, validFrom))
	r.clock.add(2 * time.Second)
	if got := next.judged(t, r.Store, then); got != goodSite || r.level(t) != trust.OK {
		t.Errorf("with its own: got %q, %v", got, r.Health(then))
	}
}

// TestReloadInPlace sees a file that was written over at once with as many bytes, within one tick of the file system's clock.
func TestReloadInPlace(t *testing.T) {
	t.Parallel()
	first, second := newKey(t, "ed25519", 0), newKey(t, "ed25519", 0)
	host := keyRoot(t, "host", first)
	host.Keys = []string{write(t, "host.pem", read(t, first.public))}
	info, err := os.Stat(host.Keys[0])
	if err != nil {
		t.Fatal(err)
	}
	r := newReloading(t, host)
	if err := os.WriteFile(host.Keys[0], read(t, second.public), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(host.Keys[0], info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	r.clock.add(2 * time.Second)
	message := envelope("org.example.dev.t.x")
	if got := judgedWith(t, r.Store, message, then, array(t, second.detached(t, message))); got != "ok host" {
		t.Errorf("got %q", got)
	}
	// Long after, another file in its place, which shows the same time and size.
	r.clock.add(time.Minute)
	if got := judgedWith(t, r.Store, message, then, array(t, first.detached(t, message))); got != "bad unknown_signer" {
		t.Errorf("before it is replaced: got %q", got)
	}
	next := write(t, "next.pem", read(t, first.public))
	if err := errors.Join(os.Chtimes(next, info.ModTime(), info.ModTime()), os.Rename(next, host.Keys[0])); err != nil {
		t.Fatal(err)
	}
	r.clock.add(2 * time.Second)
	if got := judgedWith(t, r.Store, message, then, array(t, first.detached(t, message))); got != "ok host" {
		t.Errorf("after it was replaced: got %q", got)
	}
}

// TestReloadTogether verifies from many goroutines while files change: every message gets one of the two right answers, and
// the race detector sees nothing.
func TestReloadTogether(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	empty, full := c.authority.list(t, validUntil, validFrom), c.authority.list(t, validUntil, validFrom, c.cert)
	c.root.CRL = write(t, "crl.pem", empty)
	first, second := newKey(t, "ed25519", 0), newKey(t, "ed25519", 0)
	own := ownKeys(t, first)
	conf := config(c.root)
	conf.Every, conf.Own, conf.OwnName, conf.OwnTopics = time.Nanosecond, own.get, "own", patterns(t, "#")
	s := open(t, conf)
	byFirst := array(t, first.detached(t, c.message))
	done := make(chan struct{})
	var wg sync.WaitGroup
	d := wire.Decoder{Limits: decoderLimits()}
	e, err := d.Envelope(c.message, wire.Strict)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if got := verdict(s, &e, c.list); got != goodSite && got != "bad revoked" {
					t.Errorf("the certificate: got %q", got)
				}
				if got := verdict(s, &e, byFirst); got != "ok own" && got != "bad unknown_signer" {
					t.Errorf("the own key: got %q", got)
				}
				if x := s.Explain("org.example.dev.t.x", "own", then); !x.Allowed {
					t.Errorf("explain: %+v", x)
				}
				if list := s.Health(then); strings.Contains(list[0].Text, "cannot") {
					t.Errorf("health: %v", list)
				}
			}
		})
	}
	for i := range 200 {
		replace(t, c.root.CRL, [][]byte{full, empty}[i%2])
		own.set(ownKeys(t, []*testKey{second, first}[i%2]).get())
	}
	close(done)
	wg.Wait()
	if got := verdict(s, &e, c.list); got != goodSite {
		t.Errorf("at last: got %q", got)
	}
}
