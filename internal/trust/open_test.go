package trust_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/trust"
)

// TestValidate names every fault of a file, by the number of its root.
func TestValidate(t *testing.T) {
	t.Parallel()
	all := patterns(t, "#")
	for _, c := range []struct {
		file trust.File
		want []string
	}{
		{trust.File{}, nil},
		{trust.File{Trust: []trust.Root{{Name: "a-B.1_c", CA: "x", Topics: all}, {Name: "b", Keys: []string{"x"}, Topics: all}}}, nil},
		{trust.File{Trust: []trust.Root{{CA: "x", Topics: all}}}, []string{`trust 1 has the name ""`}},
		{trust.File{Trust: []trust.Root{{Name: "a/b", CA: "x", Topics: all}}}, []string{`trust 1 has the name "a/b"`}},
		{trust.File{Trust: []trust.Root{{Name: strings.Repeat("a", 65), CA: "x", Topics: all}}}, []string{`trust 1 has the name`}},
		{trust.File{Trust: []trust.Root{{Name: "a", CA: "x", Topics: all}, {Name: "a", CA: "y", Topics: all}}}, []string{`trust 2 has the name "a", as trust 1 has`}},
		{trust.File{Trust: []trust.Root{{Name: "a", Topics: all}}}, []string{"trust 1 has 0 of the keys ca, keyring and keys"}},
		{trust.File{Trust: []trust.Root{{Name: "a", CA: "x", Keys: []string{"y"}, Topics: all}}}, []string{"trust 1 has 2 of the keys ca, keyring and keys"}},
		{trust.File{Trust: []trust.Root{{Name: "a", Keyring: "x", Topics: all}}}, []string{"trust 1 has a keyring without legacy = true"}},
		{trust.File{Trust: []trust.Root{{Name: "a", Keys: []string{"x"}, CRL: "y", Topics: all}}}, []string{"trust 1 has a crl without a ca"}},
		{trust.File{Trust: []trust.Root{{Name: "a", Keys: []string{""}, Topics: all}}}, []string{"trust 1 has an empty path in keys"}},
		{trust.File{Trust: []trust.Root{{Name: "a", CA: "x"}}}, []string{"trust 1 has no topics, so it may speak for nothing"}},
		{trust.File{Trust: []trust.Root{{Name: "a", CA: "x", Topics: make([]fedmsg.Pattern, 1)}}}, []string{"trust 1 has an empty pattern"}},
		{trust.File{Trust: []trust.Root{{Name: "a", CA: "x", Topics: all, NotBefore: then, NotAfter: then.Add(-1)}}}, []string{"trust 1 has a not_after"}},
		{trust.File{Trust: []trust.Root{{}, {}}}, []string{"trust 1 has the name", "trust 1 has 0", "trust 1 has no topics", "trust 2 has the name", "trust 2 has 0", "trust 2 has no topics"}},
		{trust.File{Policy: trust.Policy{Topics: map[string][]string{"a.b": {"x"}, "c": nil}}}, nil},
		{trust.File{Policy: trust.Policy{Topics: map[string][]string{"": {"x"}, "a.#": {"x"}, "b": {""}}}}, []string{"policy.topics has an empty topic", `policy.topics has "a.#"`, "policy.topics has an empty name"}},
	} {
		err := c.file.Validate()
		holdFaults(t, err, c.want)
	}
}

// holdFaults holds that an error is these, each by its beginning.
func holdFaults(t *testing.T, err error, want []string) {
	t.Helper()
	var list []error
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		list = many.Unwrap()
	} else if err != nil {
		list = []error{err}
	}
	if len(list) != len(want) {
		t.Errorf("got %d faults, want %d: %v", len(list), len(want), err)
		return
	}
	for i, e := range list {
		if !strings.HasPrefix(e.Error(), want[i]) || fedmsg.CodeOf(e) != fedmsg.CodeConfig {
			t.Errorf("got %s (%s), want %s", e, fedmsg.CodeOf(e), want[i])
		}
	}
}

// TestSettings names every value that makes no sense.
func TestSettings(t *testing.T) {
	t.Parallel()
	good := trust.DefaultSettings()
	holdFaults(t, good.Validate(), nil)
	bad := trust.Settings{MaxAge: 0, MaxFuture: -1, OnStaleCRL: "maybe", StaleCRLGrace: -time.Second}
	holdFaults(t, bad.Validate(), []string{"verification.max_age ", "verification.max_future ", "verification.on_stale_crl ", "verification.stale_crl_grace "})
}

// TestOpenNodesName refuses an authority of the node's own name, wherever it stands. A root of bare keys may have it: nodes that
// share a trust file stand in it each under its name.
func TestOpenNodesName(t *testing.T) {
	t.Parallel()
	bare := keyRoot(t, "node1", newKey(t, "ed25519", 0))
	authority := trust.Root{Name: "node1", CA: newAuthority(t, "our-ca").file, Topics: patterns(t, "#")}
	for _, inFile := range []bool{false, true} {
		named := func(r trust.Root) trust.Config {
			c := config(r)
			if inFile {
				c.File, c.Path = trust.File{}, write(t, "trust.toml", []byte("x"))
				c.Read = func(string) (trust.File, error) { return trust.File{Trust: []trust.Root{r}}, nil }
			}
			c.OwnName = "node1"
			return c
		}
		if _, err := trust.Open(named(bare)); err != nil {
			t.Errorf("bare keys, in a file %v: got %v", inFile, err)
		}
		_, err := trust.Open(named(authority))
		if fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(fmt.Sprint(err), `signs as "node1", and a [[trust]] has that name too`) {
			t.Errorf("an authority, in a file %v: got %v", inFile, err)
		}
	}
}

// TestOpenFaults tells everything that is wrong with the files at once, with the root's name, the file and a cure.
func TestOpenFaults(t *testing.T) {
	t.Parallel()
	all := patterns(t, "#")
	ca, other := newAuthority(t, "our-ca"), newAuthority(t, "other-ca")
	list := write(t, "crl.pem", other.list(t, validUntil, then))
	garbage, missing, dir := write(t, "garbage", []byte("garbage")), garbagePath(t), t.TempDir()
	big := write(t, "big", nil)
	if err := os.Truncate(big, 1<<30); err != nil { // without blocks on the disk
		t.Fatal(err)
	}
	_, err := trust.Open(config(
		trust.Root{Name: "one", CA: missing, Topics: all},
		trust.Root{Name: "two", CA: ca.file, CRL: list, Topics: all},
		trust.Root{Name: "three", Keyring: garbage, Legacy: true, Topics: all},
		trust.Root{Name: "four", Keys: []string{garbage, missing}, Topics: all},
		trust.Root{Name: "five", Keys: []string{dir}, Topics: all},
		trust.Root{Name: "big", Keys: []string{big}, Topics: all},
		trust.Root{Name: "six", CA: ca.file, CRL: missing, Topics: all},
	))
	want := []string{
		`[[trust]] "one": ca ` + missing, `[[trust]] "two": crl ` + list, `[[trust]] "three": keyring ` + garbage,
		`[[trust]] "four": keys ` + garbage, `[[trust]] "four": keys ` + missing, `[[trust]] "five": keys ` + dir, `[[trust]] "big": keys ` + big + " cannot be used: it has more than", `[[trust]] "six": crl ` + missing,
	}
	holdFaults(t, err, want)
	if text := err.Error(); !strings.Contains(text, "put the file there") || !strings.Contains(text, "mend the file") || !strings.Contains(text, "not a regular file") {
		t.Errorf("a cure is missing in %s", text)
	}
}

func garbagePath(t *testing.T) string {
	t.Helper()
	return t.TempDir() + "/missing"
}

// TestTrustFile reads a trust file beside the configuration, and refuses what they say differently.
func TestTrustFile(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	k := newKey(t, "ed25519", 0)
	path := write(t, "trust.toml", []byte("x"))
	conf := config(keyRoot(t, "host", k))
	conf.Path = path
	conf.Read = func(p string) (trust.File, error) {
		if p != path {
			t.Errorf("read %s", p)
		}
		return trust.File{Trust: []trust.Root{c.root}, Policy: trust.Policy{Topics: map[string][]string{"a": {"b"}}}}, nil
	}
	s := open(t, conf)
	if got := c.judged(t, s, then); got != goodSite {
		t.Errorf("a root of the trust file: got %q", got)
	}
	if got := judgedWith(t, s, c.message, then, array(t, k.detached(t, c.message))); got != "ok host" {
		t.Errorf("a root of the configuration: got %q", got)
	}
	first := conf.Read
	conf.Read = func(p string) (trust.File, error) {
		f, err := first(p)
		f.Policy.Nitpicky = true
		return f, err
	}
	if got := c.judged(t, open(t, conf), then); got != "bad wrong_topic" {
		t.Errorf("nitpicky by the trust file: got %q", got)
	}
	conf.Read = first
	conf.File.Trust = append(conf.File.Trust, c.root)
	conf.File.Policy.Topics = map[string][]string{"a": {"c"}}
	_, err := trust.Open(conf)
	holdFaults(t, err, []string{"the trust file " + path + " cannot be used; mend it, or set trust_file to another: the configuration has a [[trust]] \"site\" too", "the trust file " + path})
	conf.Read = func(string) (trust.File, error) { return trust.File{}, os.ErrPermission }
	_, err = trust.Open(conf)
	holdFaults(t, err, []string{"the trust file " + path + " cannot be used; mend it, or set trust_file to another: permission denied"})
}
