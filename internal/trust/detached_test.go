package trust_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/trust"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// keyRoot trusts keys on all topics below org.example.
func keyRoot(t testing.TB, name string, keys ...*testKey) trust.Root {
	t.Helper()
	r := trust.Root{Name: name, Topics: patterns(t, "org.example.#")}
	for _, k := range keys {
		r.Keys = append(r.Keys, k.public)
	}
	return r
}

// judgedWith is outcome of an envelope with detached signatures.
func judgedWith(t testing.TB, s *trust.Store, text []byte, at time.Time, list json.RawMessage) string {
	t.Helper()
	r, e := decode(t, text)
	r.Signatures = list
	return outcome(t, s, r, e, at)
}

// TestDetachedKinds takes what openssl signed by each kind of key, and by nothing else than the kind of the key.
func TestDetachedKinds(t *testing.T) {
	t.Parallel()
	message := envelope("org.example.dev.t.x")
	kinds := map[string]*testKey{"ed25519": newKey(t, "ed25519", 0), "p256": newKey(t, "p256", 0), "rsa": newKey(t, "rsa", 2048)}
	var all []*testKey
	for _, k := range kinds {
		all = append(all, k)
	}
	s := open(t, config(keyRoot(t, "host", all...)))
	for name, k := range kinds {
		sig := k.detached(t, message)
		if got := judgedWith(t, s, message, then, array(t, sig)); got != "ok host" {
			t.Errorf("%s: got %q", name, got)
		}
		for other, o := range kinds {
			if other != name {
				confused := sig
				confused.KeyID = o.id
				if got := judgedWith(t, s, message, then, array(t, confused)); got != "bad bad_signature" {
					t.Errorf("a signature by %s presented as by %s: got %q", name, other, got)
				}
			}
		}
	}
	k := kinds["rsa"]
	plain := signature{KeyID: k.id, Sig: openssl(t, pae(wire.EnvelopeType, message), "dgst", "-sha256", "-sign", k.private)}
	if got := judgedWith(t, s, message, then, array(t, plain)); got != "bad bad_signature" {
		t.Errorf("PKCS #1 v1.5 by an RSA key, whose signatures are PSS: got %q", got)
	}
}

// TestDetachedCovers refuses signatures over anything but these bytes as an envelope.
func TestDetachedCovers(t *testing.T) {
	t.Parallel()
	message, other := envelope("org.example.dev.t.x"), envelope("org.example.dev.t.y")
	k := newKey(t, "ed25519", 0)
	s := open(t, config(keyRoot(t, "host", k)))
	good := k.detached(t, message)
	cut := good
	cut.Sig = good.Sig[:63]
	for name, c := range map[string]struct {
		text []byte
		sig  signature
		want string
	}{
		"the message":               {message, good, "ok host"},
		"another message":           {other, good, "bad bad_signature"},
		"the same, written apart":   {[]byte(strings.Replace(string(message), ",", ", ", 1)), good, "bad bad_signature"},
		"the payload without PAE":   {message, signature{KeyID: k.id, Sig: k.sign(t, message)}, "bad bad_signature"},
		"a receipt":                 {message, signature{KeyID: k.id, Sig: k.sign(t, pae(wire.ReceiptType, message))}, "bad bad_signature"},
		"a signature that is short": {message, cut, "bad bad_signature"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := judgedWith(t, s, c.text, then, array(t, c.sig)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestDetachedTogether judges several signatures on one message, in whatever order they stand.
func TestDetachedTogether(t *testing.T) {
	t.Parallel()
	message := envelope("org.example.dev.t.x")
	known, stranger, elsewhere, gone := newKey(t, "ed25519", 0), newKey(t, "p256", 0), newKey(t, "ed25519", 0), newKey(t, "ed25519", 0)
	wrong := keyRoot(t, "elsewhere", elsewhere)
	wrong.Topics = patterns(t, "net.example.#")
	ca := trust.Root{Name: "site", CA: newAuthority(t, "our-ca").file, Topics: patterns(t, "#")}
	past := keyRoot(t, "gone", gone)
	past.NotAfter = then.Add(-time.Second)
	s := open(t, config(keyRoot(t, "host", known), wrong, past, ca))
	good := known.detached(t, message)
	bad := signature{KeyID: known.id, Sig: known.sign(t, []byte("something else"))}
	badToo := signature{KeyID: elsewhere.id, Sig: elsewhere.sign(t, []byte("something else"))} // put there by who handed it on
	unknown, wrongTopic, expired := stranger.detached(t, message), elsewhere.detached(t, message), gone.detached(t, message)
	many := make([]signature, wire.MaxSignatures+1)
	for i := range many {
		many[i] = unknown
		many[i].KeyID += string(rune('a' + i))
	}
	many[0] = good
	for name, c := range map[string]struct {
		list []signature
		want string
	}{
		"known":                          {[]signature{good}, "ok host"},
		"unknown":                        {[]signature{unknown}, "bad unknown_signer"},
		"known beside unknown":           {[]signature{unknown, good}, "ok host"},
		"bad known beside good unknown":  {[]signature{unknown, bad}, "bad bad_signature"},
		"bad known beside wrong topic":   {[]signature{wrongTopic, bad}, "bad bad_signature"},
		"bad known beside good":          {[]signature{good, badToo}, "ok host"},
		"wrong topic":                    {[]signature{wrongTopic}, "bad wrong_topic"},
		"wrong topic beside good":        {[]signature{wrongTopic, good}, "ok host"},
		"wrong topic beside unknown":     {[]signature{unknown, wrongTopic}, "bad wrong_topic"},
		"wrong topic beside no form":     {[]signature{{KeyID: "x", Sig: []byte("x"), Certificate: []byte("x")}, wrongTopic}, "bad wrong_topic"},
		"expired":                        {[]signature{expired}, "bad expired"},
		"expired beside good":            {[]signature{expired, good}, "ok host"},
		"as many as may be, one of them": {append([]signature{good}, many[1:wire.MaxSignatures]...), "ok host"},
		"too many":                       {many, "bad malformed_signature"},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				if got := judgedWith(t, s, message, then, array(t, c.list...)); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
				reverse(c.list)
			}
		})
	}
}

func reverse(list []signature) {
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
}

// TestDetachedForm refuses whatever is not an array of signatures.
func TestDetachedForm(t *testing.T) {
	t.Parallel()
	message := envelope("org.example.dev.t.x")
	k := newKey(t, "ed25519", 0)
	s := open(t, config(keyRoot(t, "host", k)))
	good := string(array(t, k.detached(t, message)))
	for name, c := range map[string]struct{ list, want string }{
		"none":          {"", "unsigned"},
		"an empty list": {"[]", "unsigned"},
		"null":          {"null", "bad malformed_signature"},
		"a number":      {"1", "bad malformed_signature"},
		"an object":     {strings.Trim(good, "[]"), "bad malformed_signature"},
		"cut off":       {good[:len(good)-1], "bad malformed_signature"},
		"trailing data": {good + "[]", "bad malformed_signature"},
		"a key twice":   {strings.Replace(good, `"keyid"`, `"keyid":"","keyid"`, 1), "bad malformed_signature"},
		"bad base64":    {strings.Replace(good, `"sig":"`, `"sig":"*`, 1), "bad malformed_signature"},
		"space":         {strings.Replace(good, `"sig":"`, `"sig":" `, 1), "bad malformed_signature"},
		"a null":        {strings.Replace(good, `"keyid":"`+k.id+`"`, `"keyid":null`, 1), "bad malformed_signature"},
		"no key id":     {strings.Replace(good, `"keyid":"`+k.id+`",`, ``, 1), "bad unknown_signer"},
		"escaped":       {strings.Replace(good, `"keyid"`, `"\u006beyid"`, 1), "ok host"},
	} {
		if got := judgedWith(t, s, message, then, json.RawMessage(c.list)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// TestDetachedCertificates judges signatures that bring the certificate of their key.
func TestDetachedCertificates(t *testing.T) {
	t.Parallel()
	message := envelope("org.example.dev.t.x")
	ours, namesake := newAuthority(t, "our-ca"), newAuthority(t, "our-ca")
	k, bare := newKey(t, "ed25519", 0), newKey(t, "ed25519", 0)
	cert := ours.issue(t, k, "shell.example.org", nil)
	root := trust.Root{Name: "site", CA: ours.file, Topics: patterns(t, "org.example.#")}
	s := open(t, config(root, keyRoot(t, "host", bare)))
	good := k.detached(t, message)
	signed := func(der []byte, change func(*signature)) json.RawMessage {
		sig := good
		sig.Certificate = der
		if change != nil {
			change(&sig)
		}
		return array(t, sig)
	}
	other := ours.issue(t, bare, "other.example.org", nil)
	for name, c := range map[string]struct {
		list json.RawMessage
		want string
	}{
		"issued":                            {signed(cert, nil), "ok site/shell.example.org"},
		"with the key's id of another":      {signed(cert, func(s *signature) { s.KeyID = bare.id }), "ok site/shell.example.org"},
		"of another key":                    {signed(other, nil), "bad bad_signature"},
		"of an authority of this name":      {signed(namesake.issue(t, k, "shell.example.org", nil), nil), "bad unknown_signer"},
		"self-signed":                       {signed(selfSigned(t, k, "shell.example.org"), nil), "bad unknown_signer"},
		"with data behind it":               {signed(append(cert[:len(cert):len(cert)], 0), nil), "bad malformed_signature"},
		"no certificate":                    {signed([]byte("x"), nil), "bad malformed_signature"},
		"the authority's own":               {signed(ours.cert.Raw, nil), "bad malformed_signature"},
		"expired":                           {signed(ours.issue(t, k, "shell.example.org", func(c *x509.Certificate) { c.NotAfter = then.Add(-time.Hour) }), nil), "bad expired"},
		"not yet valid":                     {signed(ours.issue(t, k, "shell.example.org", func(c *x509.Certificate) { c.NotBefore = then.Add(time.Hour) }), nil), "bad expired"},
		"without a common name":             {signed(ours.issue(t, k, "", nil), nil), "bad malformed_signature"},
		"unknown, with a bare key's id":     {signed(selfSigned(t, bare, "x"), func(s *signature) { s.KeyID = bare.id }), "bad bad_signature"},
		"unknown, by the bare key itself":   {array(t, signature{KeyID: bare.id, Sig: bare.detached(t, message).Sig, Certificate: selfSigned(t, bare, "x")}), "ok host"},
		"a certified key that is bare, too": {array(t, signature{Sig: bare.detached(t, message).Sig, Certificate: other}), "ok site/other.example.org"},
		"malformed beside unknown":          {array(t, signature{KeyID: "x", Sig: good.Sig}, signature{KeyID: "y", Sig: good.Sig, Certificate: []byte("x")}), "bad malformed_signature"},
		"malformed beside known":            {array(t, signature{KeyID: "x", Sig: good.Sig, Certificate: []byte("x")}, bare.detached(t, message)), "ok host"},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // the second time out of the cache
				if got := judgedWith(t, s, message, then, c.list); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			}
		})
	}
}

// selfSigned gives a certificate that its own key issued.
func selfSigned(t testing.TB, k *testKey, name string) []byte {
	t.Helper()
	template := &x509.Certificate{NotBefore: validFrom, NotAfter: validUntil, KeyUsage: x509.KeyUsageDigitalSignature}
	template.Subject.CommonName = name
	template.SerialNumber = big.NewInt(7)
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.key.Public(), k.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestDetachedBeforeEmbedded lets the embedded signature decide where no detached one is good, and only there.
func TestDetachedBeforeEmbedded(t *testing.T) {
	t.Parallel()
	message := vector(t, "v12_realistic_1k")
	tampered := []byte(strings.Replace(string(message), "value-00", "value-99", 1))
	known, stranger := newKey(t, "ed25519", 0), newKey(t, "ed25519", 0)
	host := keyRoot(t, "host", known)
	host.Topics = patterns(t, "#")
	s := open(t, config(vectors(t), host))
	for name, c := range map[string]struct {
		text []byte
		list json.RawMessage
		want string
	}{
		"both":                               {message, array(t, known.detached(t, message)), "ok host"},
		"a stranger's, and a good one":       {message, array(t, stranger.detached(t, message)), "ok research/shell-vm.example.com"},
		"a stranger's, and a bad one":        {tampered, array(t, stranger.detached(t, tampered)), "bad bad_signature"},
		"a malformed one, and a good one":    {message, array(t, signature{KeyID: "x", Sig: []byte("x"), Certificate: []byte("x")}), "ok research/shell-vm.example.com"},
		"a known one's, bad, and a good one": {message, array(t, known.detached(t, tampered)), "ok research/shell-vm.example.com"},
		"a known one's, bad, and a bad one":  {tampered, array(t, known.detached(t, message)), "bad bad_signature"},
		"no array, and a good one":           {message, json.RawMessage("1"), "bad malformed_signature"},
	} {
		if got := judgedWith(t, s, c.text, then, c.list); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// TestOwnKeys trusts the node's own keys for its own topics, as of when they are its own.
func TestOwnKeys(t *testing.T) {
	t.Parallel()
	k := newKey(t, "ed25519", 0)
	own := ownKeys(t, k)
	c := config()
	c.Own, c.OwnName, c.OwnTopics = own.get, "node1.example.org", patterns(t, "org.example.dev.#")
	s := open(t, c)
	message, outside := envelope("org.example.dev.t.x"), envelope("org.example.prod.t.x")
	sig, outsideSig := array(t, k.detached(t, message)), array(t, k.detached(t, outside))
	if got := judgedWith(t, s, message, then, sig); got != "ok node1.example.org" {
		t.Errorf("got %q", got)
	}
	if got := judgedWith(t, s, outside, then, outsideSig); got != "bad wrong_topic" {
		t.Errorf("outside of PREFIX.ENV: got %q", got)
	}
	own.set(nil)
	if got := judgedWith(t, s, message, then, sig); got != "bad unknown_signer" {
		t.Errorf("after the key was taken away: got %q", got)
	}
	own.set(ownKeys(t, k).get())
	if got := judgedWith(t, s, message, then, sig); got != "ok node1.example.org" {
		t.Errorf("after it was given back: got %q", got)
	}
	own.set(ownKeys(t, newKey(t, "ed25519", 0)).get())
	if got := judgedWith(t, s, message, then, sig); got != "bad unknown_signer" {
		t.Errorf("after another took its place: got %q", got)
	}
	// A root may stand for the same key on other topics.
	c.File.Trust = []trust.Root{{Name: "elsewhere", Keys: []string{k.public}, Topics: patterns(t, "org.example.prod.#")}}
	own.set(ownKeys(t, k).get())
	if got := judgedWith(t, open(t, c), outside, then, outsideSig); got != "ok elsewhere" {
		t.Errorf("by a root: got %q", got)
	}
}

// TestRecordMismatch refuses a record whose bytes or topic are not those of the envelope.
func TestRecordMismatch(t *testing.T) {
	t.Parallel()
	message := envelope("org.example.dev.t.x")
	k := newKey(t, "ed25519", 0)
	s := open(t, config(keyRoot(t, "host", k)))
	for name, c := range map[string]struct {
		change func(*fedmsg.Record)
		want   string
	}{
		"as it is":                {func(*fedmsg.Record) {}, "ok host"},
		"another topic":           {func(r *fedmsg.Record) { r.Topic = "org.example.dev.t.y" }, "bad wrong_topic"},
		"no topic":                {func(r *fedmsg.Record) { r.Topic = "" }, "bad wrong_topic"},
		"other bytes":             {func(r *fedmsg.Record) { r.Envelope = envelope("org.example.dev.t.y") }, "bad internal"},
		"another topic, unsigned": {func(r *fedmsg.Record) { r.Topic, r.Signatures = "x", nil }, "bad wrong_topic"},
		"what was found before": {func(r *fedmsg.Record) {
			r.Signer, r.Verdict, r.Signatures = "root", fedmsg.VerdictOK, nil
		}, "unsigned"},
	} {
		r, e := decode(t, message)
		r.Signatures = array(t, k.detached(t, message))
		c.change(r)
		if got := outcome(t, s, r, e, then); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
