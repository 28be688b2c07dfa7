package pki

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/pki/pkitest"
)

// TestVectorCertificates judges every certificate of the vectors, by a root that is legacy and one that is not, as of the time
// of the vectors.
func TestVectorCertificates(t *testing.T) {
	t.Parallel()
	const good, malformed, weak = "", fedmsg.CodeMalformedSignature, fedmsg.CodeWeakSignature
	at := time.Unix(1700000000, 0)
	for file, want := range map[string]struct{ strict, legacy fedmsg.Code }{
		"announce-vm.example.com": {good, good},
		"ca":                      {malformed, malformed},
		"ec-vm.example.com":       {good, good},
		"expired-vm.example.com":  {fedmsg.CodeExpired, fedmsg.CodeExpired},
		"foreign-vm.example.com":  {fedmsg.CodeUnknownSigner, fedmsg.CodeUnknownSigner},
		"nocn":                    {malformed, malformed},
		"noeku-vm.example.com":    {good, good},
		"notyet-vm.example.com":   {fedmsg.CodeExpired, fedmsg.CodeExpired},
		"otherca":                 {malformed, malformed},
		"peer-vm.example.com":     {good, good},
		"relay-vm.example.com":    {good, good},
		"revoked-vm.example.com":  {fedmsg.CodeRevoked, fedmsg.CodeRevoked},
		"rsa1024-vm.example.com":  {weak, good},
		"sha1-vm.example.com":     {weak, good},
		"shell-vm.example.com":    {good, good},
		"twocn":                   {malformed, malformed},
	} {
		for legacy, code := range map[bool]fedmsg.Code{false: want.strict, true: want.legacy} {
			a, err := NewAuthority(vector(t, "ca.crt"), legacy)
			if err != nil {
				t.Fatal(err)
			}
			crl, err := a.ParseCRL(vector(t, "crl.pem"))
			if err != nil {
				t.Fatal(err)
			}
			l, err := a.Issued(unpem(t, vector(t, file+".crt")))
			if err == nil {
				err = l.CheckAt(at)
			}
			if err == nil {
				err = crl.Revoked(l, at)
			}
			if got := fedmsg.CodeOf(err); got != code {
				t.Errorf("%s, legacy %v: got %q (%v), want %q", file, legacy, got, err, code)
			}
			if code == good && err == nil && l.Name != file {
				t.Errorf("%s has the name %q", file, l.Name)
			}
			short := file == "rsa1024-vm.example.com"
			if code == good && err == nil && (l.Key.Key() == nil) != short {
				t.Errorf("%s has the key %v", file, l.Key)
			}
		}
	}
}

func TestVectorLists(t *testing.T) {
	t.Parallel()
	a, err := NewAuthority(vector(t, "ca.crt"), false)
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]struct {
		fault       string
		entries     int
		staleIn2023 bool
	}{
		"crl.pem": {"", 1, false}, "crl-empty.pem": {"", 0, false}, "crl-expired.pem": {"", 1, true},
		"crl-other.pem": {"is no authority of this root", 0, false},
	} {
		c, err := a.ParseCRL(vector(t, file))
		if want.fault != "" {
			holdError(t, err, fedmsg.CodeConfig, want.fault)
			continue
		}
		if err != nil {
			t.Errorf("%s: %s", file, err)
			continue
		}
		if stale := c.Stale(time.Unix(1700000000, 0), 7*24*time.Hour); c.Len() != want.entries || stale != want.staleIn2023 {
			t.Errorf("%s: %d entries, stale %v", file, c.Len(), stale)
		}
	}
}

// productionCertificates gives the certificates of the corpus's messages of 2017.
func productionCertificates(t *testing.T) [][]byte {
	t.Helper()
	text, err := os.ReadFile(fedmsgtest.Shared(t, "corpus", "datagrepper-raw-sample.json"))
	if err != nil {
		t.Fatal(err)
	}
	var page struct {
		Messages []struct {
			Certificate string `json:"certificate"`
		} `json:"raw_messages"`
	}
	if err := json.Unmarshal(text, &page); err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, m := range page.Messages {
		text, err := base64.StdEncoding.DecodeString(m.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, unpem(t, text))
	}
	return all
}

// TestProductionCertificates judges the certificates of real messages: SHA-1, 1024 bits.
func TestProductionCertificates(t *testing.T) {
	t.Parallel()
	certificates := productionCertificates(t)
	if len(certificates) != 15 {
		t.Fatalf("%d certificates", len(certificates))
	}
	anchor := pkitest.ProductionAuthority(t, certificates...)
	if _, err := NewAuthority(anchor, false); fedmsg.CodeOf(err) != fedmsg.CodeConfig {
		t.Errorf("a root that is not legacy takes a key of 1024 bits: %v", err)
	}
	a, err := NewAuthority(anchor, true)
	if err != nil {
		t.Fatal(err)
	}
	then, later := time.Date(2017, 5, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, data := range certificates {
		l, err := a.Issued(data)
		if err != nil {
			t.Error(err)
			continue
		}
		if err := l.CheckAt(then); err != nil {
			t.Error(err)
		}
		holdError(t, l.CheckAt(later), fedmsg.CodeExpired, l.Name)
	}
}
