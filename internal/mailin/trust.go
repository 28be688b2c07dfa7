package mailin

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg/internal/mailtrust"
	"github.com/federated-messaging/fedmsg/internal/remote"
)

// The options with which an address says how it is found out who signed its mails.
const (
	readDKIM     = "dkim"
	readDNS      = "dns"
	readKeyTime  = "key_time"
	readKeyrings = "keyrings"
)

// trust gives the reader a Checker, where the address asks for one. It opens nothing.
func (r *Reader) trust(e *remote.Endpoint) error {
	var faults []error
	dkim := e.Flag(readDKIM, false)
	c := mailtrust.Config{KeyTime: keyTime(e)}
	if dkim {
		var err error
		c.Resolver, err = resolver(e.Option(readDNS, ""))
		faults = append(faults, err)
	} else if e.Has(readDNS) || e.Has(readKeyTime) {
		faults = append(faults, fault("%s and %s are for %s=yes", readDNS, readKeyTime, readDKIM))
	}
	if e.Has(readKeyrings) {
		for path := range strings.SplitSeq(e.Option(readKeyrings, ""), ",") {
			if !filepath.IsAbs(path) {
				faults = append(faults, fault("%s has %q in it, which is no absolute path of a file of OpenPGP keys", readKeyrings, path))
				continue
			}
			c.Keyrings = append(c.Keyrings, mailtrust.NewKeyring(path, r.Log))
		}
	}
	if dkim || len(c.Keyrings) > 0 {
		r.Checker = mailtrust.New(c)
	}
	return errors.Join(faults...)
}

// keyTime is how long a mail may wait for the keys of domains.
func keyTime(e *remote.Endpoint) time.Duration {
	return e.Duration(readKeyTime, 5*time.Second, 10*time.Millisecond, time.Minute)
}

// resolver gives the one of the system, or one that asks a certain server.
func resolver(server string) (mailtrust.Resolver, error) {
	if server == "" {
		return net.DefaultResolver, nil
	}
	host, port, err := net.SplitHostPort(server)
	if err != nil || net.ParseIP(host) == nil || port == "" {
		return nil, fault("%s is the address of a server of the DNS, as 127.0.0.1:53, not %q", readDNS, server)
	}
	var d net.Dialer
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return d.DialContext(ctx, network, server)
	}}, nil
}
