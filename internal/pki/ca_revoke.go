package pki

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Revoke takes certificates back from a time on: the one with a serial number, or the one of a name that is in force; all of
// them where all is set. It writes a new revocation list and gives what was revoked. One that is revoked already can be revoked
// from an earlier time on.
func (c *CA) Revoke(which string, all bool, since, now time.Time) ([]Record, error) {
	if since.After(now) {
		return nil, fedmsg.Errorf(fedmsg.CodeUsage, "a certificate cannot be revoked from a time to come on (%s)", since.UTC().Format(time.RFC3339))
	}
	since = wholeSecond(since)
	chosen, err := c.choose(which, all, since, now)
	if err != nil {
		return nil, err
	}
	var revoked []Record
	for _, n := range chosen {
		c.index.Certificates[n].Revoked = since
		revoked = append(revoked, c.index.Certificates[n])
	}
	return revoked, c.newList(now)
}

// wholeSecond is the first second that does not begin before t. Lists know whole seconds alone; one that began before t would
// take back what was received in its first part, while the certificate was good.
func wholeSecond(t time.Time) time.Time {
	if s := t.UTC().Truncate(time.Second); !s.Before(t) {
		return s
	}
	return t.UTC().Truncate(time.Second).Add(time.Second)
}

// choose gives the numbers of the certificates that are meant.
func (c *CA) choose(which string, all bool, since, now time.Time) ([]int, error) {
	var named, inForce []int
	serial, isSerial := parseSerial(which)
	for n := range c.index.Certificates {
		r := &c.index.Certificates[n]
		if own, _ := parseSerial(r.Serial); isSerial && own.Cmp(serial) == 0 {
			if !r.Revoked.IsZero() && !since.Before(r.Revoked) {
				return nil, fedmsg.Errorf(fedmsg.CodeUsage, "certificate %s of %s is revoked already, since %s", r.Serial, r.Name, r.Revoked.Format(time.RFC3339))
			}
			return []int{n}, nil
		}
		if r.Name == which {
			named = append(named, n)
			if r.InForce(now) {
				inForce = append(inForce, n)
			}
		}
	}
	switch {
	case len(named) == 0:
		return nil, fedmsg.Errorf(fedmsg.CodeNotFound, "the authority in %s issued no certificate %q; see `fedmsg keys ca ls`", c.dir, clip(which))
	case len(inForce) == 0:
		return nil, fedmsg.Errorf(fedmsg.CodeUsage, "no certificate of %s is in force; to revoke one from an earlier time on, name its serial number: %s", which, c.describe(named))
	case len(inForce) > 1 && !all:
		return nil, fedmsg.Errorf(fedmsg.CodeUsage, "%s has %d certificates in force; name the serial number of one, or say --all: %s", which, len(inForce), c.describe(inForce))
	}
	return inForce, nil
}

func (c *CA) describe(numbers []int) string {
	var texts []string
	for _, n := range numbers {
		r := c.index.Certificates[n]
		texts = append(texts, fmt.Sprintf("%s (issued %s)", r.Serial, r.Issued.Format(time.DateOnly)))
	}
	return strings.Join(texts, ", ")
}

// WriteCRL writes a new revocation list that is valid for a time, which is kept for later ones.
func (c *CA) WriteCRL(now time.Time, validFor time.Duration) error {
	if validFor > 0 {
		c.index.ListValid = validFor.String()
	}
	return c.newList(now)
}

// newList writes the index first: a revocation that stands there cannot be lost any more.
func (c *CA) newList(now time.Time) error {
	c.index.ListNumber++
	if err := c.saveIndex(); err != nil {
		return cannotMake(err, "cannot write the index of the authority in %s; nothing was changed", c.dir)
	}
	if err := c.writeList(now); err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot write %s; the next command that changes this authority writes it", filepath.Join(c.dir, caList))
	}
	return nil
}

// writeList writes the list that belongs to the index. What is over stays in it: messages are verified as of their own time.
func (c *CA) writeList(now time.Time) error {
	template := &x509.RevocationList{
		Number: big.NewInt(c.index.ListNumber), ThisUpdate: now.Add(-skew), NextUpdate: now.Add(c.index.listValid()),
	}
	for _, r := range c.index.Certificates {
		if serial, ok := parseSerial(r.Serial); ok && !r.Revoked.IsZero() {
			template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
				x509.RevocationListEntry{SerialNumber: serial, RevocationTime: r.Revoked})
		}
	}
	data, err := x509.CreateRevocationList(rand.Reader, template, c.cert, c.key.Signer())
	if err != nil {
		return err
	}
	return c.write(caList, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: data}))
}

// readList reads the authority's own list.
func readList(dir string, cert *x509.Certificate) (*CRL, error) {
	data, err := os.ReadFile(filepath.Join(dir, caList))
	if err != nil {
		return nil, err
	}
	a := &Authority{anchors: []*x509.Certificate{cert}}
	return a.ParseCRL(data)
}
