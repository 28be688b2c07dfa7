package pki

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/keys"
)

// CAOptions says what authority to make.
type CAOptions struct {
	Name      string         // of the authority, for people
	Algorithm keys.Algorithm // of its key; RSA is verified by everything, the old bus included
	Valid     time.Duration
	ListValid time.Duration // how long a revocation list is valid, from when it is written
	Now       time.Time
}

// InitCA makes an authority in a directory that is not there yet, or empty. It appears there whole or not at all.
func InitCA(dir string, o CAOptions) error { return initCA(durable.OS{}, dir, o) }

func initCA(fsys durable.FS, dir string, o CAOptions) error {
	if !printable(o.Name) || len(o.Name) > 64 {
		return fedmsg.Errorf(fedmsg.CodeUsage, "the name of an authority is 1 to 64 printable characters, as in \"Example fedmsg CA\", not %q", clip(o.Name))
	}
	if names, err := os.ReadDir(dir); err == nil && len(names) > 0 {
		if _, err := os.Stat(filepath.Join(dir, caIndex)); err == nil {
			return fedmsg.Errorf(fedmsg.CodeCannotMake, "there is an authority in %s already; give another directory, or move it away: what it issued verifies only as long as its ca.crt is trusted", dir)
		}
		return fedmsg.Errorf(fedmsg.CodeCannotMake, "%s is not empty and no authority of fedmsg; give another directory", dir)
	}
	dir = filepath.Clean(dir)
	parent, base := filepath.Split(dir)
	temp := filepath.Join(parent, "."+base+".tmp")
	c := &CA{fs: fsys, dir: temp, index: index{Format: indexFormat, Name: o.Name, ListNumber: 1, ListValid: o.ListValid.String()}}
	err := c.fill(o)
	if err == nil {
		err = fsys.Rename(temp, dir)
	}
	if err == nil {
		err = fsys.SyncDir(filepath.Dir(dir))
	}
	err = errors.Join(err, c.Close())
	if err != nil {
		return cannotMake(err, "cannot make an authority in %s", dir)
	}
	return nil
}

// fill makes the files of a new authority. What an earlier run left there is removed: it was never an authority.
func (c *CA) fill(o CAOptions) error {
	if err := c.fs.Mkdir(filepath.Join(c.dir, issued), 0o700); err != nil {
		return err
	}
	if err := os.Chmod(c.dir, 0o700); err != nil {
		return err
	}
	if err := c.takeLock(); err != nil {
		return err
	}
	for _, name := range []string{caKey, caCert, caList, caIndex} {
		if err := c.fs.Remove(filepath.Join(c.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	var err error
	if c.key, err = keys.Generate(o.Algorithm); err != nil {
		return err
	}
	if c.cert, err = selfSigned(c.key, o); err != nil {
		return err
	}
	if err := c.key.WriteFile(filepath.Join(c.dir, caKey)); err != nil {
		return err
	}
	if err := c.write(caCert, certPEM(c.cert.Raw)); err != nil {
		return err
	}
	if err := c.writeList(o.Now); err != nil {
		return err
	}
	return c.saveIndex()
}

// selfSigned makes the authority's own certificate.
func selfSigned(key *keys.Private, o CAOptions) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: o.Name},
		NotBefore: o.Now.Add(-skew), NotAfter: o.Now.Add(o.Valid),
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if template.SubjectKeyId, err = keyID(key.Public().Key()); err != nil {
		return nil, err
	}
	data, err := x509.CreateCertificate(rand.Reader, template, template, key.Public().Key(), key.Signer())
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(data)
}
