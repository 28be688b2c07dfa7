// Package pgp is OpenPGP signatures as the old bus has them: detached, binary, made by gpg.
//
// It promises to take exactly one good signature by a key of the keyring that was valid at the time the caller names. SHA-1
// is refused unless the caller says legacy, MD5 and RIPEMD-160 always. Keys are RSA and Ed25519, in version 4 of the format.
// User ids are not looked at: a key is its fingerprint. It needs no gpg program and knows nothing of messages and topics.
package pgp

import (
	"bytes"

	"github.com/federated-messaging/fedmsg"
)

const (
	maxKeyring   = 4 << 20 // bytes of a keyring
	maxSignature = 8 << 10 // bytes of a signature
)

// Keyring is public keys. It is immutable and safe for concurrent use.
type Keyring struct{ keys []*key }

// ParseKeyring reads public keys, armored or binary, one or more. Keys of kinds that cannot sign for us are passed over; what
// they sign is refused. A key that stands in it twice is one key, revoked if one of the two is. A revocation that cannot be
// understood makes the whole ring an error: passing over it would trust a key that its owner gave up.
func ParseKeyring(data []byte) (*Keyring, error) {
	if len(data) > maxKeyring {
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the OpenPGP keyring has %d bytes; at most %d are read", len(data), maxKeyring)
	}
	packets, err := readPackets(data, "PGP PUBLIC KEY BLOCK")
	if err != nil {
		return nil, err
	}
	a := assembler{ring: &Keyring{}}
	for _, p := range packets {
		if err := a.add(p); err != nil {
			return nil, err
		}
	}
	if len(a.ring.Fingerprints()) == 0 {
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the OpenPGP keyring holds no RSA or Ed25519 key with a signature of its own on it")
	}
	return a.ring, nil
}

// Fingerprints lists the primary keys of the ring in upper-case hex.
func (k *Keyring) Fingerprints() []string {
	var list []string
	for _, key := range k.keys {
		if key.fault == "" && len(key.selfs) > 0 {
			list = append(list, key.fingerprint)
		}
	}
	return list
}

// readPackets takes the packets out of binary data, or out of all armored blocks of a text, which must be of one kind.
func readPackets(data []byte, kind string) ([]raw, error) {
	if len(data) == 0 || data[0]&0x80 == 0 {
		var err error
		if data, err = dearmor(data, kind); err != nil {
			return nil, err
		}
	}
	packets, err := split(bytes.Clone(data)) // what is parsed keeps parts of it
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "the file is not OpenPGP keys; export them with gpg --export")
	}
	return packets, nil
}
