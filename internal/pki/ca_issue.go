package pki

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/keys"
)

// LeafOptions says what certificate to issue.
type LeafOptions struct {
	Algorithm keys.Algorithm // the old X.509 form of signatures needs RSA, of which keys with 2048 bits are made
	Valid     time.Duration  // it ends with the authority at the latest
	Out       string         // directory for certificate and key; empty: issued in the authority's
	Now       time.Time
}

// Issuance is a certificate that was just issued.
type Issuance struct {
	Record
	CertFile, KeyFile string
}

// Issue makes a key and a certificate for it. A name that has one already gets another, and both are valid: their files are
// NAME.crt, NAME+2.crt and so on, and none is ever replaced.
func (c *CA) Issue(name string, o LeafOptions) (Issuance, error) {
	if err := CheckName(name); err != nil {
		return Issuance{}, err
	}
	if !o.Now.Before(c.cert.NotAfter) {
		return Issuance{}, fedmsg.Errorf(fedmsg.CodeExpired, "the authority in %s ended on %s; make a new one, and trust both until the old certificates are replaced", c.dir, c.cert.NotAfter.UTC().Format(time.DateOnly))
	}
	key, err := leafPrivate(o.Algorithm)
	if err != nil {
		return Issuance{}, err
	}
	data, r, err := c.certify(name, key, o)
	if err != nil {
		return Issuance{}, err
	}
	i := Issuance{Record: r}
	copies, err := c.place(&i, o.Out)
	if err != nil {
		return Issuance{}, err
	}
	c.index.Certificates = append(c.index.Certificates, r)
	if err := c.saveIndex(); err != nil {
		return Issuance{}, cannotMake(err, "cannot write the index of the authority in %s; nothing was issued", c.dir)
	}
	err = key.WriteFile(i.KeyFile)
	for _, path := range copies {
		if err == nil {
			err = durable.WriteFile(c.fs, path, certPEM(data), 0o644)
		}
	}
	if err != nil {
		return Issuance{}, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot write the files of certificate %s, which stands in the index; issue another one, and revoke this one by its serial number %s", name, r.Serial)
	}
	return i, nil
}

// leafPrivate makes a key. RSA keys are for the old form, whose programs take a millisecond for a signature of 2048 bits and
// three for one of 3072.
func leafPrivate(algorithm keys.Algorithm) (*keys.Private, error) {
	if algorithm != keys.RSAPSS {
		return keys.Generate(algorithm)
	}
	key, err := rsa.GenerateKey(rand.Reader, strongRSA)
	if err != nil {
		return nil, err
	}
	return keys.NewPrivate(key)
}

// certify signs a certificate and gives what the index will say of it.
func (c *CA) certify(name string, key *keys.Private, o LeafOptions) ([]byte, Record, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, Record{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: o.Now.Add(-skew), NotAfter: o.Now.Add(o.Valid),
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if template.NotBefore.Before(c.cert.NotBefore) {
		template.NotBefore = c.cert.NotBefore
	}
	if template.NotAfter.After(c.cert.NotAfter) {
		template.NotAfter = c.cert.NotAfter
	}
	if template.SubjectKeyId, err = keyID(key.Public().Key()); err != nil {
		return nil, Record{}, err
	}
	data, err := x509.CreateCertificate(rand.Reader, template, c.cert, key.Public().Key(), c.key.Signer())
	if err != nil {
		return nil, Record{}, err
	}
	r := Record{
		Name: name, Serial: hex.EncodeToString(serial.Bytes()), Algorithm: o.Algorithm,
		Issued: o.Now.UTC().Truncate(time.Second), Expires: template.NotAfter.UTC().Truncate(time.Second), File: c.fileName(name),
	}
	return data, r, nil
}

// fileName is the name of the next files for a name: a plus sign is in no name, so that none is another's.
func (c *CA) fileName(name string) string {
	n := 1
	for _, r := range c.index.Certificates {
		if r.Name == name {
			n++
		}
	}
	if n == 1 {
		return name
	}
	return fmt.Sprintf("%s+%d", name, n)
}

// place says where the files of a certificate go, and that nothing is there yet. The authority keeps every certificate; of keys
// only those that go nowhere else.
func (c *CA) place(i *Issuance, out string) (certificates []string, err error) {
	own := filepath.Join(c.dir, issued)
	if out == "" {
		out = own
	}
	for _, dir := range []string{own, out} {
		if err := c.fs.Mkdir(dir, 0o700); err != nil {
			return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make the directory %s", dir)
		}
	}
	i.CertFile, i.KeyFile = filepath.Join(out, i.File+".crt"), filepath.Join(out, i.File+".key")
	certificates = []string{i.CertFile}
	if kept := filepath.Join(own, i.File+".crt"); kept != i.CertFile {
		certificates = append(certificates, kept)
	}
	for _, path := range append([]string{i.KeyFile}, certificates...) {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			return nil, fedmsg.Errorf(fedmsg.CodeCannotMake, "%s is there already and is not replaced; move it away, or give another directory by --out", path)
		}
	}
	return certificates, nil
}
