package pki

import (
	"crypto/x509"
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
