package keys

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// ReadPrivate reads a private key from a PEM file, as [ParsePrivate] does, that [ReadPrivateFile] takes. The error has
// CodeConfig and names the file and the cure.
func ReadPrivate(path string) (*Private, error) {
	text, err := ReadPrivateFile(path)
	if err != nil {
		return nil, err
	}
	k, err := ParsePrivate(text)
	if err != nil {
		_, why := fedmsg.Public(err)
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot use the private key %s: %s; put a good copy in its place, or move it away and make another by fedmsg keys new", path, why)
	}
	return k, nil
}

// WriteFile makes the file path with the key in PKCS #8 PEM, mode 0600, durably: a crash leaves the whole file or none. A file
// that is there already is not replaced: the error has CodeCannotMake.
func (k *Private) WriteFile(path string) error {
	err := k.writeFile(path)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fedmsg.Errorf(fedmsg.CodeCannotMake, "cannot write the private key %s: the file is there already, and keys are not overwritten; move it away, or name another", path)
	case err != nil:
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot write the private key %s", path)
	}
	return nil
}

// writeFile writes another name first and gives the file its own by a link, which never replaces anything.
func (k *Private) writeFile(path string) error {
	der, err := x509.MarshalPKCS8PrivateKey(k.in().key)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".key-*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // best effort: nobody takes the name for a key
	err = pem.Encode(f, &pem.Block{Type: privateBlock, Bytes: der})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil {
		return err
	}
	return durable.OS{}.SyncDir(dir)
}
