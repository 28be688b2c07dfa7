package pgp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/federated-messaging/fedmsg"
)

const (
	maxDirectory = 64 << 20 // bytes of a file of keys; Debian's has 29 MB, most of it other people's signatures
	maxArmored   = 16 << 10 // bytes of an armored signature
	maxRings     = 4000     // keys that are kept read
)

// Directory is many public keys, such as those of all developers of a distribution. A key is read when the first signature by it comes:
// checking all of them at once takes seconds. It is safe for concurrent use.
type Directory struct {
	blocks map[uint64][][]byte // the packets of the keys that have this id, as primary key or subkey; not changed
	mu     sync.Mutex
	rings  map[uint64]*Keyring // guarded by mu: what was read of them; nil when it is no key that is taken
}

// ParseDirectory reads which keys there are, armored or binary.
func ParseDirectory(data []byte) (*Directory, error) {
	if len(data) > maxDirectory {
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the file of OpenPGP keys has %d bytes; at most %d are read", len(data), maxDirectory)
	}
	packets, err := readPackets(data, "PGP PUBLIC KEY BLOCK")
	if err != nil {
		return nil, err
	}
	d := &Directory{blocks: make(map[uint64][][]byte), rings: make(map[uint64]*Keyring)}
	for len(packets) > 0 {
		n := 1
		for n < len(packets) && packets[n].tag != tagPublicKey {
			n++
		}
		d.addBlock(packets[:n])
		packets = packets[n:]
	}
	if len(d.blocks) == 0 {
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the file holds no OpenPGP public key; export them with gpg --export")
	}
	return d, nil
}

// addBlock enters the packets of one key under the ids of the key and its subkeys.
func (d *Directory) addBlock(packets []raw) {
	var block []byte
	for _, p := range packets {
		block = append(block, p.whole...)
	}
	for _, p := range packets {
		if p.tag != tagPublicKey && p.tag != tagPublicSubkey {
			continue
		}
		if public, _ := parseKey(p); public != nil && public.Version == 4 {
			d.blocks[public.KeyId] = append(d.blocks[public.KeyId], block)
		}
	}
}

// VerifyText checks a signature in ASCII armour over a text whose lines end with CRLF, as [Keyring.Verify] does and never with legacy: that
// of a clear-signed text, or of a part of a mail. Where no key is known, the id or fingerprint that the signature claims is given with
// CodeUnknownSigner.
func (d *Directory) VerifyText(text, armored []byte, at time.Time) (key string, err error) {
	s, h, err := parseArmored(armored)
	if err != nil {
		return "", err
	}
	id, claimed := issuer(s)
	unknown := fedmsg.Errorf(fedmsg.CodeUnknownSigner, "no key of the file made the OpenPGP signature")
	ring := d.ring(id)
	if ring == nil {
		return claimed, unknown
	}
	key, err = ring.verify(s, h, text, at, false)
	if fedmsg.CodeOf(err) == fedmsg.CodeUnknownSigner {
		key = claimed
	}
	return key, err
}

// Claimed gives the fingerprint, or else the id, of the key that a signature in ASCII armour claims to be by; anybody can write it there.
// An error has CodeMalformedSignature.
func Claimed(armored []byte) (key string, err error) {
	s, _, err := parseArmored(armored)
	if err != nil {
		return "", err
	}
	_, key = issuer(s)
	return key, nil
}

// parseArmored reads exactly one signature over a text or over bytes.
func parseArmored(armored []byte) (*packet.Signature, head, error) {
	if len(armored) > maxArmored {
		return nil, head{}, fedmsg.Errorf(fedmsg.CodeMalformedSignature, "the OpenPGP signature is too long")
	}
	data, err := dearmor(armored, "PGP SIGNATURE")
	if err != nil {
		return nil, head{}, fedmsg.WrapError(fedmsg.CodeMalformedSignature, err, "the OpenPGP signature is not in ASCII armour")
	}
	return parseSignature(data, true)
}

// issuer gives the id of the key that a signature claims to be by, and its fingerprint or that id as they are written.
func issuer(s *packet.Signature) (id uint64, name string) {
	if f := s.IssuerFingerprint; len(f) == 20 {
		return binary.BigEndian.Uint64(f[12:]), strings.ToUpper(fmt.Sprintf("%x", f))
	}
	if s.IssuerKeyId == nil {
		return 0, ""
	}
	return *s.IssuerKeyId, fmt.Sprintf("%016X", *s.IssuerKeyId)
}

// ring gives the keys that have an id; nil when there is none that is taken.
func (d *Directory) ring(id uint64) *Keyring {
	blocks, known := d.blocks[id]
	if !known {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	ring, read := d.rings[id]
	if read {
		return ring
	}
	// A key whose revocation cannot be understood is none, as one of a kind that is not taken.
	if parsed, err := ParseKeyring(bytes.Join(blocks, nil)); err == nil {
		ring = parsed
	}
	if len(d.rings) >= maxRings {
		clear(d.rings)
	}
	d.rings[id] = ring
	return ring
}
