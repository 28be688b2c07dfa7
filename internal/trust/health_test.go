package trust_test

import (
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/trust"
)

// TestHealth tells the age of revocation lists, and is loud when one is out of date.
func TestHealth(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	c.root.CRL = write(t, "crl.pem", c.authority.list(t, then, then))
	refuse := config(c.root)
	accept := refuse
	accept.Settings.OnStaleCRL = "accept"
	for name, q := range map[string]struct {
		conf  trust.Config
		at    time.Time
		level trust.Level
		want  string
	}{
		"fresh":           {refuse, then.Add(-72 * time.Hour), trust.OK, "the next one is due in 3 days"},
		"in grace":        {refuse, then.Add(48 * time.Hour), trust.Warning, "should have been renewed 2 days ago; certificates of the root will be refused in 5 days"},
		"stale":           {refuse, then.Add(10 * 24 * time.Hour), trust.Failed, "certificates of the root are refused"},
		"accept":          {accept, then.Add(10 * 24 * time.Hour), trust.Warning, "REVOKED CERTIFICATES MAY PASS UNNOTICED"},
		"accept, at once": {accept, then.Add(time.Second), trust.Warning, "REVOKED CERTIFICATES MAY PASS UNNOTICED"},
	} {
		list := open(t, q.conf).Health(q.at)
		if len(list) != 2 || list[0] != (trust.Status{Name: "trust", Text: "1 root: site"}) {
			t.Errorf("%s: got %v", name, list)
			continue
		}
		if s := list[1]; s.Name != "crl-site" || s.Level != q.level || !strings.Contains(s.Text, q.want) || !strings.Contains(s.Text, "issued 14") {
			t.Errorf("%s: got %v", name, s)
		}
	}
	if list := open(t, config()).Health(then); len(list) != 1 || list[0].Level != trust.OK || !strings.Contains(list[0].Text, "no [[trust]]") {
		t.Errorf("without roots: got %v", list)
	}
	legacy := c.root
	legacy.Name, legacy.CRL, legacy.Legacy = "old", "", true
	if list := open(t, config(c.root, legacy)).Health(then); list[0].Text != "2 roots: site, old (legacy)" || len(list) != 2 {
		t.Errorf("two roots: got %v", list)
	}
}

// TestHealthNamesFiles names the broken file by its last name alone: whoever asks for health may see it.
func TestHealthNamesFiles(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	r := newReloading(t, c.root)
	replace(t, c.root.CA, []byte("broken"))
	r.clock.add(2 * time.Second)
	s := r.Health(then)[0]
	if s.Level != trust.Failed || !strings.Contains(s.Text, `[[trust]] "site": ca ca.pem cannot be used`) || strings.Contains(s.Text, "/ca.pem") {
		t.Errorf("got %v", s)
	}
}
