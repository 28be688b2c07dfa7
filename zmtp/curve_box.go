package zmtp

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/curve25519"
	"golang.org/x/crypto/nacl/secretbox"
	"golang.org/x/crypto/salsa20/salsa" //lint:ignore SA1019 NaCl's boxes are made of its HSalsa20 and key stream
)

// boxOverhead is by how much a box is longer than what is in it.
const boxOverhead = secretbox.Overhead

// boxKey is what two sides share who know each the secret key of one pair and the public one of the other.
type boxKey [32]byte

// sharedKey makes the key of boxes between the two. It refuses a public key with which every secret one shares the same,
// known key: a client could vouch for such a key without having its secret.
func sharedKey(secret *[32]byte, public []byte) (*boxKey, error) {
	point, err := curve25519.X25519(secret[:], public)
	if err != nil {
		return nil, errors.New("its public key is of low order")
	}
	var key boxKey
	var zero [16]byte
	salsa.HSalsa20((*[32]byte)(&key), &zero, (*[32]byte)(point), &salsa.Sigma)
	clear(point)
	return &key, nil
}

// seal appends the box of plain.
func (k *boxKey) seal(dst []byte, nonce *[24]byte, plain []byte) []byte {
	return secretbox.Seal(dst, plain, nonce, (*[32]byte)(k))
}

// open gives what is in a box.
func (k *boxKey) open(nonce *[24]byte, box []byte) ([]byte, bool) {
	return secretbox.Open(nil, box, nonce, (*[32]byte)(k))
}

// wipe clears the keys. What the standard library copied of them is beyond reach.
func wipe(keys ...*boxKey) {
	for _, k := range keys {
		if k != nil {
			clear(k[:])
		}
	}
}

// shortTerm is the key pair of one connection.
type shortTerm struct{ public, secret [32]byte }

// newShortTerm makes a pair at random.
func newShortTerm() (*shortTerm, error) {
	s := new(shortTerm)
	_, _ = rand.Read(s.secret[:]) // never fails
	public, err := curve25519.X25519(s.secret[:], curve25519.Basepoint)
	if err != nil {
		return nil, fmt.Errorf("making a short-term key: %w", err)
	}
	copy(s.public[:], public)
	return s, nil
}

// wipe clears the secret key.
func (s *shortTerm) wipe() { clear(s.secret[:]) }

// shortNonce is a nonce of a prefix of 16 bytes and a counter.
func shortNonce(prefix string, counter uint64) *[24]byte {
	var nonce [24]byte
	copy(nonce[:16], prefix)
	binary.BigEndian.PutUint64(nonce[16:], counter)
	return &nonce
}

// longNonce is a nonce of a prefix of 8 bytes and 16 that are random at the sender.
func longNonce(prefix string, random []byte) *[24]byte {
	var nonce [24]byte
	copy(nonce[:8], prefix)
	copy(nonce[8:], random)
	return &nonce
}

// randomNonce makes a nonce for something new.
func randomNonce(prefix string) *[24]byte {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	return longNonce(prefix, random[:])
}
