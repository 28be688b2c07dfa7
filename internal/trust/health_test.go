package trust_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
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

// TestHealthOfEnds warns before an authority ends and when it has ended, unless the root's own end says that this is known.
func TestHealthOfEnds(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	over := c.root
	over.NotAfter = validUntil
	for _, q := range []struct {
		root trust.Root
		at   time.Time
		want string // empty: nothing
	}{
		{c.root, validUntil.Add(-31 * 24 * time.Hour), ""},
		{c.root, validUntil.Add(-3 * 24 * time.Hour), "ends in 3 days: then what it certified will be refused; add its new one to the file of ca"},
		{c.root, validUntil.Add(5 * 24 * time.Hour), "ended 5 days ago: what it certified is refused; add its new one"},
		{over, validUntil.Add(5 * 24 * time.Hour), ""},
		{keyRoot(t, "bts", newKey(t, "ed25519", 0)), validUntil.Add(5 * 24 * time.Hour), ""},
	} {
		list := open(t, config(q.root)).Health(q.at)
		switch {
		case q.want == "" && len(list) != 1:
			t.Errorf("%s: got %v, want no warning", q.at, list)
		case q.want != "" && (len(list) != 2 || list[1].Name != "ca-site" || list[1].Level != trust.Warning || !strings.Contains(list[1].Text, q.want)):
			t.Errorf("%s: got %v, want %q", q.at, list, q.want)
		}
	}
}

// TestHealthNamesTrustFile names the trust file by its last name alone too, also where the reason names it.
func TestHealthNamesTrustFile(t *testing.T) {
	t.Parallel()
	r := newReloading(t, newCertified(t).root)
	r.rewrite(t, fedmsg.Errorf(fedmsg.CodeConfig, "%s:5:1: unknown key", r.path))
	s, base := r.Health(then)[0], filepath.Base(r.path)
	if s.Level != trust.Failed || !strings.Contains(s.Text, base+" cannot be used; mend it, or set trust_file to another: "+base+":5:1: unknown key") || strings.Contains(s.Text, filepath.Dir(r.path)) {
		t.Errorf("got %v", s)
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
