package httpapi

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// authority signs certificates for tests.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, next: 1}
	pair := a.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	a.cert, a.key = pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// issue signs a certificate; before there is an authority, by itself.
func (a *authority) issue(c *x509.Certificate) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, a.next = big.NewInt(a.next), a.next+1
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := c, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// server gives a certificate for localhost that carries the name.
func (a *authority) server(name string) tls.Certificate {
	return a.issue(&x509.Certificate{Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"}})
}

// write puts a certificate and its key into files, each replaced at once.
func write(t *testing.T, pair tls.Certificate, cert, key string) {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(pair.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	replace(t, key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
	replace(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}))
}

func replace(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// secureEdge serves https with client certificates of the authority.
type secureEdge struct {
	*edge
	authority      *authority
	cert, key, ca  string
	trustedServers *x509.CertPool
}

func startSecure(t *testing.T, query string) *secureEdge {
	t.Helper()
	dir := t.TempDir()
	s := &secureEdge{
		authority: newAuthority(t), trustedServers: x509.NewCertPool(),
		cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), ca: filepath.Join(dir, "ca.pem"),
	}
	s.trustedServers.AddCert(s.authority.cert)
	write(t, s.authority.server("first"), s.cert, s.key)
	write(t, tls.Certificate{Certificate: s.authority.issueSelf(), PrivateKey: s.authority.key}, s.ca, s.ca+".key")
	s.edge = startEdge(t, func(c *Config, d *Deps) {
		c.Listen = []string{fmt.Sprintf("https://127.0.0.1:0?cert=%s&key=%s&client_ca=%s%s", s.cert, s.key, s.ca, query)}
		d.Dev = false
	})
	return s
}

// issueSelf gives the authority's own certificate.
func (a *authority) issueSelf() [][]byte { return [][]byte{a.cert.Raw} }

// clientWith gives a client that shows the certificates. It opens a connection for each request.
func (s *secureEdge) clientWith(certs ...tls.Certificate) *http.Client {
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{RootCAs: s.trustedServers, ServerName: "localhost", Certificates: certs},
	}}
}

// serverName gives the name in the certificate that the server shows now.
func (s *secureEdge) serverName(t *testing.T) string {
	t.Helper()
	resp, err := s.clientWith().Get("https://" + s.address("https") + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.ProtoMajor != 1 {
		t.Errorf("spoke %s", resp.Proto)
	}
	return resp.TLS.PeerCertificates[0].Subject.CommonName
}

// TestCertificateReload: changed files are used from the next handshake on, and unusable ones are not.
func TestCertificateReload(t *testing.T) {
	s := startSecure(t, "")
	if got := s.serverName(t); got != "first" {
		t.Fatalf("shows %s", got)
	}
	write(t, s.authority.server("second"), s.cert, s.key)
	if got := s.serverName(t); got != "second" {
		t.Errorf("shows %s after the files changed", got)
	}
	replace(t, s.key, []byte("not a key"))
	for range 3 {
		if got := s.serverName(t); got != "second" {
			t.Errorf("shows %s after an unusable key", got)
		}
	}
	if n := strings.Count(s.logs.String(), "cannot use changed certificate"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, s.logs)
	}
	os.Remove(s.cert)
	if got := s.serverName(t); got != "second" {
		t.Errorf("shows %s while a file is missing", got)
	}
	write(t, s.authority.server("third"), s.cert, s.key)
	if got := s.serverName(t); got != "third" {
		t.Errorf("shows %s after all is well again", got)
	}
}

// TestClientCertificates: a certificate of the authority names the sender, one of another authority is refused, none is
// nobody.
func TestClientCertificates(t *testing.T) {
	s := startSecure(t, "&topics=open.%23")
	use := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	uri := &url.URL{Scheme: "spiffe", Host: "example.org", Path: "/builder"}
	cases := []struct {
		cert   *x509.Certificate
		status int
		sender string
	}{
		{nil, 401, ""},
		{&x509.Certificate{Subject: pkix.Name{CommonName: "builder"}, ExtKeyUsage: use}, 201, "certificate:builder"},
		{&x509.Certificate{DNSNames: []string{"b.example.org"}, ExtKeyUsage: use}, 201, "certificate:b.example.org"},
		{&x509.Certificate{URIs: []*url.URL{uri}, ExtKeyUsage: use}, 201, "certificate:spiffe://example.org/builder"},
		{&x509.Certificate{ExtKeyUsage: use}, 401, ""},
	}
	address := "https://" + s.address("https") + "/v1/messages"
	for _, c := range cases {
		var certs []tls.Certificate
		if c.cert != nil {
			certs = append(certs, s.authority.issue(c.cert))
		}
		status, body, _ := ask(t, s.clientWith(certs...), "POST", address, "{}", "Content-Type", "application/json")
		if status != c.status {
			t.Errorf("%s: %d %s", c.sender, status, body)
		}
		if got := s.door.lastSender().String(); c.sender != "" && got != c.sender {
			t.Errorf("sender %s, want %s", got, c.sender)
		}
	}
	builder := s.authority.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "builder"}, ExtKeyUsage: use})
	status, _, _ := ask(t, s.clientWith(builder), "POST", address, "{}", "Content-Type", "application/json", "Authorization", "Bearer opener")
	if got := s.door.lastSender(); status != 201 || got != (fedmsg.Sender{Kind: fedmsg.SenderToken, Name: "open"}) {
		t.Errorf("token beside a certificate: %d, sender %s", status, got)
	}
	stranger := newAuthority(t).issue(&x509.Certificate{Subject: pkix.Name{CommonName: "builder"}, ExtKeyUsage: use})
	if resp, err := s.clientWith(stranger).Post(address, "application/json", strings.NewReader("{}")); err == nil {
		resp.Body.Close()
		t.Errorf("a certificate of another authority: %s", resp.Status)
	}
}

// TestCertificateMissing: files that cannot be used at the start are an error that names the endpoint.
func TestCertificateMissing(t *testing.T) {
	_, err := listenOnly(t, func(c *Config, _ *Deps) { c.Listen = []string{"https://127.0.0.1:0?cert=/nowhere/c&key=/nowhere/k"} })
	if fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), "/nowhere/c") {
		t.Errorf("%v", err)
	}
}
