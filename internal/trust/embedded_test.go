package trust_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/trust"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// TestEmbeddedForms takes the old form only as it should be written; all else has a code.
func TestEmbeddedForms(t *testing.T) {
	t.Parallel()
	s := open(t, config(vectors(t)))
	good := vector(t, "v12_realistic_1k")
	members := struct{ Signature, Certificate string }{}
	unmarshal(t, good, &members)
	sig, cert := strings.ReplaceAll(members.Signature, "\n", ""), strings.ReplaceAll(members.Certificate, "\n", "")
	pemText := decoded(t, cert)
	other := read(t, vectorPKI(t, "peer-vm.example.com.crt"))
	begins := strings.Index(string(other), "-----BEGIN")
	encode := func(parts ...[]byte) string {
		var all []byte
		for _, p := range parts {
			all = append(all, p...)
		}
		return base64.StdEncoding.EncodeToString(all)
	}
	const ok, malformed, bad = "ok research/shell-vm.example.com", "bad malformed_signature", "bad bad_signature"
	for name, c := range map[string]struct {
		members map[string]any
		want    string
	}{
		"as it is":                    {nil, ok},
		"white space in base64":       {map[string]any{"signature": " \t\r\n" + sig[:10] + " " + sig[10:]}, ok},
		"signature null":              {map[string]any{"signature": null{}}, malformed},
		"signature a number":          {map[string]any{"signature": 5}, malformed},
		"signature a list":            {map[string]any{"signature": []string{sig}}, malformed},
		"signature empty":             {map[string]any{"signature": ""}, malformed},
		"signature white space":       {map[string]any{"signature": "\n"}, malformed},
		"signature missing":           {map[string]any{"signature": nil}, malformed},
		"signature of zero bytes":     {map[string]any{"signature": "===="}, malformed},
		"signature without padding":   {map[string]any{"signature": strings.TrimRight(sig, "=")}, malformed},
		"signature with data behind":  {map[string]any{"signature": sig + "AAAA"}, malformed},
		"signature with loose bits":   {map[string]any{"signature": loose(sig)}, malformed},
		"signature url-safe":          {map[string]any{"signature": "-_" + sig[2:]}, malformed},
		"signature of other bytes":    {map[string]any{"signature": "AA" + sig[2:]}, bad},
		"signature cut":               {map[string]any{"signature": encode(decoded(t, sig)[:255])}, bad},
		"signature longer":            {map[string]any{"signature": encode(decoded(t, sig), []byte{0})}, bad},
		"crypto a list":               {map[string]any{"crypto": []string{"x509"}}, malformed},
		"crypto a number":             {map[string]any{"crypto": 1}, malformed},
		"crypto an object":            {map[string]any{"crypto": map[string]string{}}, malformed},
		"crypto null":                 {map[string]any{"crypto": null{}}, bad},
		"crypto missing":              {map[string]any{"crypto": nil}, bad},
		"crypto empty":                {map[string]any{"crypto": ""}, malformed},
		"crypto X509":                 {map[string]any{"crypto": "X509"}, malformed},
		"crypto alone":                {map[string]any{"signature": nil, "certificate": nil}, malformed},
		"crypto gpg":                  {map[string]any{"crypto": "gpg"}, "bad unknown_signer"},
		"certificate alone":           {map[string]any{"signature": nil, "crypto": nil}, malformed},
		"signature alone":             {map[string]any{"certificate": nil, "crypto": nil}, malformed},
		"none of the three":           {map[string]any{"certificate": nil, "crypto": nil, "signature": nil}, "unsigned"},
		"certificate missing":         {map[string]any{"certificate": nil}, malformed},
		"certificate a number":        {map[string]any{"certificate": 5}, malformed},
		"certificate empty":           {map[string]any{"certificate": ""}, malformed},
		"certificate not PEM":         {map[string]any{"certificate": encode([]byte("x"))}, malformed},
		"certificate white space":     {map[string]any{"certificate": encode([]byte(" \n"))}, malformed},
		"certificate in bare DER":     {map[string]any{"certificate": strings.Join(strings.Fields(string(pemText[28:len(pemText)-27])), "")}, malformed},
		"certificate bad base64":      {map[string]any{"certificate": cert[1:]}, malformed},
		"certificate, text before it": {map[string]any{"certificate": encode([]byte("x\n"), pemText)}, malformed},
		"certificate, text behind it": {map[string]any{"certificate": encode(pemText, []byte("x"))}, malformed},
		"certificate, lines behind":   {map[string]any{"certificate": encode(pemText, []byte("\n\n"))}, ok},
		"two certificates":            {map[string]any{"certificate": encode(pemText, other[begins:])}, ok},
		"two, the other first":        {map[string]any{"certificate": encode(other[begins:], pemText)}, bad},
		"a broken one before it":      {map[string]any{"certificate": encode([]byte("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n"), pemText)}, malformed},
		"another block before it":     {map[string]any{"certificate": encode([]byte(strings.ReplaceAll(string(pemText), " CERTIFICATE", " X")), pemText)}, malformed},
		"PEM with a header":           {map[string]any{"certificate": encode([]byte(strings.Replace(string(pemText), "-----\n", "-----\nA: b\n\n", 1)))}, malformed},
		"trailing data in the DER":    {map[string]any{"certificate": encode(certPEM(append(derOf(t, pemText), 0)))}, malformed},
		"another's certificate":       {map[string]any{"certificate": encode(other[begins:])}, bad},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := with(t, good, c.members)
			for range 2 { // the second time out of the cache
				if got := judged(t, s, text, then); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			}
		})
	}
}

// TestEmbeddedEscapes reads base64 however JSON writes it.
func TestEmbeddedEscapes(t *testing.T) {
	t.Parallel()
	s := open(t, config(vectors(t)))
	good := string(vector(t, "v12_realistic_1k"))
	from := strings.Index(good, `"signature":"`) + len(`"signature":"`)
	head, first, rest := good[:from], good[from], good[from+1:]
	if slashes := strings.Count(good[from:from+344], "/"); slashes == 0 {
		t.Fatal("the signature has no slash to escape")
	}
	if got := judged(t, s, []byte(good[:from]+strings.ReplaceAll(good[from:], "/", `\/`)), then); got != "ok research/shell-vm.example.com" {
		t.Errorf("slashes escaped: got %q", got)
	}
	for insert, want := range map[string]string{
		string(first):                        "ok research/shell-vm.example.com",
		fmt.Sprintf(`\u00%02x`, first):       "ok research/shell-vm.example.com",
		fmt.Sprintf(`\u00%02X`, first):       "ok research/shell-vm.example.com",
		`\u0020\u000a\t\r\n` + string(first): "ok research/shell-vm.example.com",
		`\u01` + fmt.Sprintf(`%02x`, first):  "bad malformed_signature",
		`\b` + string(first):                 "bad malformed_signature",
		`\"` + string(first):                 "bad malformed_signature",
		`\\` + string(first):                 "bad malformed_signature",
		"\u00a0" + string(first):             "bad malformed_signature",
		`\/`:                                 "bad bad_signature",
		`/`:                                  "bad bad_signature",
	} {
		if insert == "/" && first == '/' || insert == `\/` && first == '/' {
			continue
		}
		if got := judged(t, s, []byte(head+insert+rest), then); got != want {
			t.Errorf("%q: got %q, want %q", insert, got, want)
		}
	}
}

// TestEmbeddedCertificates refuses certificates of the wrong kind, whoever signed what with them.
func TestEmbeddedCertificates(t *testing.T) {
	t.Parallel()
	ours, namesake := newAuthority(t, "our-ca"), newAuthority(t, "our-ca")
	s := open(t, config(trust.Root{Name: "site", CA: ours.file, Topics: patterns(t, "org.example.#")}))
	message := envelope("org.example.dev.t.x")
	rsa, ec := newKey(t, "rsa", 2048), newKey(t, "p256", 0)
	twoNames := func(c *x509.Certificate) {
		oid := asn1.ObjectIdentifier{2, 5, 4, 3}
		c.Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: oid, Value: "a.example.org"}, {Type: oid, Value: "b.example.org"}}}
	}
	for name, c := range map[string]struct {
		der  []byte
		want string
	}{
		"issued":                 {ours.issue(t, rsa, "a.example.org", nil), "ok site/a.example.org"},
		"EC key":                 {ours.issue(t, ec, "a.example.org", nil), "bad malformed_signature"},
		"an authority's":         {ours.issue(t, rsa, "a.example.org", func(c *x509.Certificate) { c.IsCA = true }), "bad malformed_signature"},
		"the authority's own":    {ours.cert.Raw, "bad malformed_signature"},
		"self-issued":            {selfSigned(t, rsa, "our-ca"), "bad unknown_signer"},
		"of a namesake":          {namesake.issue(t, rsa, "a.example.org", nil), "bad unknown_signer"},
		"two common names":       {ours.issue(t, rsa, "", twoNames), "bad malformed_signature"},
		"no common name":         {ours.issue(t, rsa, "", nil), "bad malformed_signature"},
		"expired":                {ours.issue(t, rsa, "a.example.org", func(c *x509.Certificate) { c.NotAfter = then.Add(-time.Hour) }), "bad expired"},
		"an integer, not a cert": {mustMarshal(t, big.NewInt(5)), "bad malformed_signature"},
	} {
		if got := judged(t, s, rsa.embed(t, message, certPEM(c.der)), then); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	good := certPEM(ours.issue(t, rsa, "a.example.org", nil))
	signed := with(t, message, map[string]any{"crypto": "x509"})
	for name, args := range map[string][]string{
		"SHA-256":     {"dgst", "-sha256", "-sign", rsa.private},
		"RSA-PSS":     {"dgst", "-sha1", "-sigopt", "rsa_padding_mode:pss", "-sign", rsa.private},
		"another key": {"dgst", "-sha1", "-sign", newKey(t, "rsa", 2048).private},
	} {
		text := with(t, signed, map[string]any{
			"certificate": base64.StdEncoding.EncodeToString(good),
			"signature":   base64.StdEncoding.EncodeToString(openssl(t, signed, args...)),
		})
		if got := judged(t, s, text, then); got != "bad bad_signature" {
			t.Errorf("signed by %s: got %q", name, got)
		}
	}
	moved := with(t, rsa.embed(t, message, good), map[string]any{"topic": "org.example.dev.t.y"})
	if got := judged(t, s, moved, then); got != "bad bad_signature" {
		t.Errorf("moved to another topic: got %q", got)
	}
}

// TestDetachedWeakKey takes a short key, which a legacy root knows, for the old form and not for the new one.
func TestDetachedWeakKey(t *testing.T) {
	t.Parallel()
	message := envelope("org.example.dev.t.x")
	private := vectorPKI(t, "rsa1024-vm.example.com.key")
	sig := openssl(t, pae(wire.EnvelopeType, message), "dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "-sign", private)
	list := array(t, signature{Sig: sig, Certificate: derOf(t, read(t, vectorPKI(t, "rsa1024-vm.example.com.crt")))})
	if got := judgedWith(t, open(t, config(vectors(t))), message, then, list); got != "bad weak_signature" {
		t.Errorf("got %q", got)
	}
}

// null is JSON's.
type null struct{}

func (null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// loose sets a bit of base64 that stands for nothing.
func loose(text string) string {
	body := strings.TrimRight(text, "=")
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := strings.IndexByte(alphabet, body[len(body)-1])
	return body[:len(body)-1] + string(alphabet[last^1]) + text[len(body):]
}

func unmarshal(t testing.TB, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

func decoded(t testing.TB, text string) []byte {
	t.Helper()
	out, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// derOf gives the DER of the first block of a PEM text.
func derOf(t testing.TB, text []byte) []byte {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("no PEM")
	}
	return block.Bytes
}

func mustMarshal(t testing.TB, value any) []byte {
	t.Helper()
	der, err := asn1.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
