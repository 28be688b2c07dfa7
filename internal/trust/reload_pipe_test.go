package trust_test

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/trust"
)

// TestReloadPipe puts a pipe, to which nobody writes, in the place of each file: nothing waits for it, what was read before
// stays in force, and health says so.
func TestReloadPipe(t *testing.T) {
	t.Parallel()
	for _, which := range []string{"ca", "crl", "trust file"} {
		t.Run(which, func(t *testing.T) {
			t.Parallel()
			c := newCertified(t)
			c.root.CRL = write(t, "crl.pem", c.authority.list(t, validUntil, validFrom))
			r := newReloading(t, c.root)
			path := map[string]string{"ca": c.root.CA, "crl": c.root.CRL, "trust file": r.path}[which]
			if got := c.judged(t, r.Store, then); got != goodSite {
				t.Fatalf("before: %q", got)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
			r.clock.add(2 * time.Second)
			said := make(chan trust.Status, 1)
			go func() { said <- r.Health(r.clock.Now())[0] }()
			select {
			case s := <-said:
				if s.Level != trust.Failed || !strings.Contains(s.Text, "not a regular file") {
					t.Errorf("health: %+v", s)
				}
			case <-time.After(time.Minute):
				t.Fatal("it waits for the pipe")
			}
			if got := c.judged(t, r.Store, then); got != goodSite {
				t.Errorf("after: %q", got)
			}
		})
	}
}
