package httpapi

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"sync"

	"github.com/federated-messaging/fedmsg"
)

// certificates has the TLS configuration of one endpoint and makes it anew when a file has changed. It looks at the files
// at each handshake, which costs a thousandth of one, so there is no moment when a renewed certificate is not yet seen.
type certificates struct {
	cert, key, clientCA string // files; clientCA may be empty
	logger              *slog.Logger

	mu     sync.Mutex
	seen   [3]os.FileInfo // under mu: the files as they were at the last attempt
	active *tls.Config    // under mu: never changed once it is here
}

// newCertificates reads the files.
func newCertificates(e *endpoint, logger *slog.Logger) (*certificates, error) {
	c := &certificates{cert: e.cert, key: e.key, clientCA: e.clientCA, logger: logger}
	c.seen, _ = c.stat()
	var err error
	if c.active, err = c.load(); err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "http.listen: %s has a certificate, key or client_ca that cannot be used: %s", e.uri, err)
	}
	return c, nil
}

// config gives a configuration that asks for the newest one at each handshake.
func (c *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.newest(), nil },
	}
}

// newest gives the configuration of the files as they are now. Files that cannot be used change nothing: the old ones
// serve on, and the log says so once.
func (c *certificates) newest() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := c.stat()
	if err != nil || same(now, c.seen) {
		return c.active
	}
	c.seen = now
	next, err := c.load()
	if err != nil {
		c.logger.Error("cannot use changed certificate; the old one serves on", "cert", c.cert, "key", c.key, "client_ca", c.clientCA, "err", err)
		return c.active
	}
	c.logger.Info("certificate changed", "cert", c.cert)
	c.active = next
	return next
}

// load makes a configuration of the files.
func (c *certificates) load() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}}
	if c.clientCA == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(c.clientCA)
	if err != nil {
		return nil, err
	}
	cfg.ClientCAs = x509.NewCertPool()
	if !cfg.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("client_ca has no certificate in PEM form")
	}
	cfg.ClientAuth = tls.VerifyClientCertIfGiven
	return cfg, nil
}

// stat looks at the files.
func (c *certificates) stat() (infos [3]os.FileInfo, err error) {
	for i, path := range []string{c.cert, c.key, c.clientCA} {
		if path == "" {
			continue
		}
		if infos[i], err = os.Stat(path); err != nil {
			return infos, err
		}
	}
	return infos, nil
}

// same reports whether no file has changed.
func same(a, b [3]os.FileInfo) bool {
	for i := range a {
		if (a[i] == nil) != (b[i] == nil) {
			return false
		}
		if a[i] != nil && (!os.SameFile(a[i], b[i]) || a[i].Size() != b[i].Size() || !a[i].ModTime().Equal(b[i].ModTime())) {
			return false
		}
	}
	return true
}

// certificateName gives the name by which rights are given to a client certificate.
func certificateName(c *x509.Certificate) string {
	switch {
	case c.Subject.CommonName != "":
		return c.Subject.CommonName
	case len(c.DNSNames) > 0:
		return c.DNSNames[0]
	case len(c.URIs) > 0:
		return c.URIs[0].String()
	}
	return ""
}
