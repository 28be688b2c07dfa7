package sign

import (
	"path/filepath"
	"slices"

	"github.com/federated-messaging/fedmsg/internal/keys"
)

// KeyFiles lists the files of the keys in the directory of a node's keys. The first is the newest, with which the node signs. A
// directory that is not there has none.
func KeyFiles(dir string) ([]string, error) {
	names, err := keyNames(dir)
	if err != nil {
		return nil, err
	}
	slices.Reverse(names)
	for i, name := range names {
		names[i] = filepath.Join(dir, name)
	}
	return names, nil
}

// ReadCertificate gives the first certificate of a PEM file in DER. It must be the key's, and have one name.
func ReadCertificate(path string, key keys.Public) ([]byte, error) {
	c, err := readCertificate(path, key)
	if err != nil {
		return nil, err
	}
	return c.Raw, nil
}
