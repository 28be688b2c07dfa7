package pki

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/mutate"
)

func derPieces() []string {
	return []string{"", "\x00", "\x01", "\x02\x01\x00", "\x05\x00", "\x30\x00", "\x30\x80", "\x30\x84\xff\xff\xff\xff", "\x30\x81\x7f", "\xa0\x00", "\x1f\x81\x00",
		"\x06\x03\x55\x04\x03", "\x06\x03\x55\x1d\x1b", "\x01\x01\xff", "\x17\x0d200101000000Z", "\x18\x0f20200101000000Z", "\x03\x02\x00\x00", "\xff", "\x7f", "\x80"}
}

// TestCertificateMutations holds that no mutated certificate is a panic, that each has a code, and that none is taken whose
// signed part is not one that was signed.
func TestCertificateMutations(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "ca", edKey(t), nil)
	a := authority(t, true, i)
	seeds := [][]byte{
		i.leaf("a.example", edKey(t).Public(), nil),
		i.leaf("b.example", ecKey(t, elliptic.P256()).Public(), func(c *x509.Certificate) { c.Subject.Organization = []string{"O"} }),
		i.leaf("c.example", rsaKeys[1024]().Public(), nil),
	}
	mutate.Run(t, seeds, derPieces(), func(data []byte) bool {
		l, err := a.Issued(data)
		switch fedmsg.CodeOf(err) {
		case fedmsg.CodeMalformedSignature, fedmsg.CodeUnknownSigner, fedmsg.CodeWeakSignature:
		case "":
			same := func(seed []byte) bool {
				return bytes.Equal(parse(t, seed).RawTBSCertificate, l.Certificate.RawTBSCertificate)
			}
			if !slices.ContainsFunc(seeds, same) {
				t.Errorf("taken: %s", l.Name)
			}
		default:
			t.Error(err)
		}
		_, err = x509.ParseCertificate(data)
		return err == nil
	})
}

// TestListMutations is the same for revocation lists. What stands behind the signature is reached by parsing the mutants
// without it too.
func TestListMutations(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "ca", edKey(t), nil)
	a := authority(t, true, i)
	extensions := i.list(nil, entry(17, from, extension(false, []byte{10, 1, 1}, 2, 5, 29, 21)), entry(1<<40, until))
	seeds := [][]byte{i.list(nil), extensions, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: extensions})}
	var bodies [][]byte
	for _, seed := range seeds[:2] {
		s, _ := parseSigned(seed)
		bodies = append(bodies, s.body.whole)
	}
	mutate.Run(t, seeds, append(derPieces(), "-----BEGIN X509 CRL-----\n", "\n", "=", "A"), func(data []byte) bool {
		_, err := a.ParseCRL(data)
		if err != nil && fedmsg.CodeOf(err) != fedmsg.CodeConfig {
			t.Error(err)
		}
		data, pemErr := crlDER(data)
		s, ok := parseSigned(data)
		if pemErr != nil || !ok {
			return false
		}
		if same := func(body []byte) bool { return bytes.Equal(body, s.body.whole) }; err == nil && !slices.ContainsFunc(bodies, same) {
			t.Errorf("taken: %x", data)
		}
		c := &CRL{}
		rest, err := c.parseHead(s)
		if err == nil {
			err = c.parseRest(rest)
		}
		return err == nil
	})
}
