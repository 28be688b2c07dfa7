package zmtp

import (
	"crypto/rand"
	"fmt"
	"io"

	"golang.org/x/crypto/curve25519"
)

// CurveKey is a public key of Curve25519, which anybody may know.
type CurveKey [32]byte

// ParseCurveKey reads a public key in Z85 (RFC 32), 40 characters.
func ParseCurveKey(text string) (k CurveKey, err error) {
	if err := decodeZ85(k[:], text); err != nil {
		return CurveKey{}, fmt.Errorf("%w: %w", errNotCurve, err)
	}
	return k, nil
}

// String is the key in Z85.
func (k CurveKey) String() string { return string(appendZ85(nil, k[:])) }

// CurveSecret is a secret key of Curve25519. Nothing of package fmt shows it, also not as a field of something else; Reveal
// does. The zero value is no key.
type CurveSecret struct {
	// key gives it, and is nil of no key. It is a function because fmt shows what stands in unexported fields, and under some
	// verbs also what their pointers lead to.
	key func() *[32]byte
}

// ParseCurveSecret reads a secret key in Z85 (RFC 32), 40 characters. Its errors show nothing of the text.
func ParseCurveSecret(text string) (CurveSecret, error) {
	key := new([32]byte)
	if err := decodeZ85(key[:], text); err != nil {
		return CurveSecret{}, fmt.Errorf("%w: %w", errNotCurve, err)
	}
	return newCurveSecret(key), nil
}

func newCurveSecret(key *[32]byte) CurveSecret { return CurveSecret{func() *[32]byte { return key }} }

// Reveal is the key in Z85, to store it where only its owner reads. Of the zero value it is empty.
func (s CurveSecret) Reveal() string {
	if s.key == nil {
		return ""
	}
	return string(appendZ85(nil, s.key()[:]))
}

// Pair is the secret key with its public one.
func (s CurveSecret) Pair() CurvePair {
	if s.key == nil {
		return CurvePair{}
	}
	public, err := curve25519.X25519(s.key()[:], curve25519.Basepoint)
	if err != nil { // it is for points of low order only, and the base point is none
		return CurvePair{}
	}
	return CurvePair{Public: CurveKey(public), Secret: s}
}

// Format makes every verb of fmt show that it is a secret, instead of it.
func (s CurveSecret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "CurveSecret(hidden)") }

// CurvePair is a key pair. Secret must be kept secret, and is not shown by fmt.
type CurvePair struct {
	Public CurveKey
	Secret CurveSecret
}

// whole tells whether both keys are there.
func (p CurvePair) whole() bool { return p.Secret.key != nil && p.Public != (CurveKey{}) }

// NewCurvePair makes a pair at random.
func NewCurvePair() CurvePair {
	key := new([32]byte)
	_, _ = rand.Read(key[:]) // never fails
	return newCurveSecret(key).Pair()
}

// CurveClient proves itself by its key and talks only to the server that has ServerKey (RFC 26).
type CurveClient struct {
	Keys      CurvePair
	ServerKey CurveKey
}

// CurveServer encrypts and knows its clients by their keys (RFC 26).
type CurveServer struct {
	Keys CurvePair
	// Authorise gives the name that stands in Peer.User, or an error that turns the client away. It may be called by several
	// goroutines at once. Nil lets nobody in.
	Authorise func(from Peer, key CurveKey) (user string, err error)
}

func (CurveClient) mechanism() (string, bool) { return "CURVE", false }
func (CurveServer) mechanism() (string, bool) { return "CURVE", true }
