package pki

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/keys"
)

// The files of an authority, in its directory.
const (
	caKey   = "ca.key"
	caCert  = "ca.crt"
	caList  = "crl.pem"
	caIndex = "index.json"
	caLock  = "lock"
	issued  = "issued"
)

// skew is how long before now what is made begins to be valid: clocks of other hosts may be behind.
const skew = 10 * time.Minute

// CA is the certificate authority of one site: a directory with its key, its certificate, what it issued, and its revocation
// list. It belongs to one process, and one goroutine, until Close.
//
// Whatever moment a run is cut off at: a certificate never exists without standing in the index, so that it can be revoked;
// and a revocation that stands in the index gets into the list, at the latest when the authority is opened again.
type CA struct {
	fs    durable.FS
	dir   string
	cert  *x509.Certificate
	key   *keys.Private
	index index
	lock  io.Closer
}

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

// OpenCA opens an authority for changes, alone, and finishes what an earlier run was kept from.
func OpenCA(dir string, now time.Time) (*CA, error) { return openCA(durable.OS{}, dir, now) }

func openCA(fsys durable.FS, dir string, now time.Time) (*CA, error) {
	c := &CA{fs: fsys, dir: dir}
	if _, err := os.Stat(filepath.Join(dir, caIndex)); err != nil {
		return nil, noCA(dir, err)
	}
	if err := c.takeLock(); err != nil {
		return nil, cannotMake(err, "cannot lock the authority in %s", dir)
	}
	if err := c.load(now); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *CA) load(now time.Time) error {
	var err error
	if c.index, err = readIndex(c.dir); err != nil {
		return err
	}
	if c.cert, err = readCACert(c.dir); err != nil {
		return err
	}
	if c.key, err = keys.ReadPrivate(filepath.Join(c.dir, caKey)); err != nil {
		return err
	}
	if mine, err := keys.NewPublic(c.cert.PublicKey); err != nil || mine.ID() != c.key.Public().ID() {
		return fedmsg.Errorf(fedmsg.CodeConfig, "ca.key in %s is not the key of ca.crt; restore both from one backup", c.dir)
	}
	list, err := readList(c.dir, c.cert)
	if err == nil && !c.index.ahead(list) {
		return nil
	}
	if err := c.writeList(now); err != nil {
		return cannotMake(err, "cannot write the revocation list that an earlier run left out, in %s", c.dir)
	}
	return nil
}

// takeLock takes the authority's lock, or says that another process has it.
func (c *CA) takeLock() error {
	lock, err := c.fs.Lock(filepath.Join(c.dir, caLock))
	if errors.Is(err, durable.ErrLocked) {
		return fedmsg.Errorf(fedmsg.CodeLocked, "another command is changing the authority in %s; try again when it has ended", c.dir)
	}
	c.lock = lock
	return err
}

// Close lets others change the authority.
func (c *CA) Close() error {
	if c.lock == nil {
		return nil
	}
	lock := c.lock
	c.lock = nil
	return lock.Close()
}

// write puts a file of the directory in place as a whole. Nobody but the owner comes into the directory; what is copied out of
// it is for everybody.
func (c *CA) write(name string, data []byte) error {
	return durable.WriteFile(c.fs, filepath.Join(c.dir, name), data, 0o644)
}

func certPEM(data []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: data})
}

// readCACert reads the authority's own certificate.
func readCACert(dir string) (*x509.Certificate, error) {
	text, err := os.ReadFile(filepath.Join(dir, caCert))
	if err != nil {
		return nil, noCA(dir, err)
	}
	a, err := NewAuthority(text, false)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "ca.crt in %s cannot be used", dir)
	}
	return a.anchors[0], nil
}

// noCA says why there is no authority in a directory.
func noCA(dir string, err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fedmsg.Errorf(fedmsg.CodeNotFound, "there is no authority in %s; `fedmsg keys ca init` makes one, and --dir names another directory", dir)
	case errors.Is(err, os.ErrPermission):
		return fedmsg.Errorf(fedmsg.CodeForbidden, "the authority in %s is not yours to use; run as its owner", dir)
	}
	return fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot open the authority in %s", dir)
}

// cannotMake gives an error that has no code of its own one, and a sentence.
func cannotMake(err error, format string, args ...any) error {
	if fedmsg.CodeOf(err) != fedmsg.CodeInternal {
		return err
	}
	return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "%s", fmt.Sprintf(format, args...))
}
