// Package sign signs messages: detached over their exact bytes (DSSE), and in the two old embedded forms.
//
// It promises that what it signs is what is stored, byte for byte, that keys are loaded once and again when their files
// change, and that a node that was never given a key makes one and keeps it. It verifies nothing.
package sign

import (
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/pgp"
)

// Form is one way to sign.
type Form string

// The forms.
const (
	DSSE Form = "dsse" // detached, over the exact bytes
	X509 Form = "x509" // embedded, as the old system made it: RSA, PKCS #1 v1.5, SHA-1
)

// Settings is [signing]: as whom a node signs what nobody signed.
type Settings struct {
	Name            string           // as whom; empty: the host's name
	Topics          []fedmsg.Pattern // what it signs; empty: all below topic_prefix and environment
	Key             string           // PEM file of its private key; empty: the newest of the state directory, made when there is none
	Certificate     string           // PEM file of a certificate of that key, sent along with signatures; empty: none
	X509Key         string           // PEM file of the RSA key of the old form
	X509Certificate string           // PEM file of its certificate
}

// Config says what a [Signer] needs.
type Config struct {
	Forms    []Form
	Settings Settings      // with Name and Topics filled in
	Dir      string        // directory of the node's own keys, STATE/keys; made when it is needed
	Every    time.Duration // look for changed files at most this often; 0 means a second
	Now      func() time.Time
	Logger   *slog.Logger
}

// Signer signs for a node. It is safe for concurrent use and has nothing to close.
type Signer struct{}

// Open loads the keys, and makes the node's first one where none is set and none is there.
func Open(c Config) (*Signer, error) { return nil, errNotBuilt }

// Signs reports whether the signer signs messages on a topic.
func (s *Signer) Signs(topic string) bool { return false }

// Sign signs an envelope that carries no signature: it sets r.Envelope (other bytes where the old form is put into it),
// r.Signatures, r.Signer and r.Verdict. The new bytes belong to the record.
func (s *Signer) Sign(r *fedmsg.Record) error { return errNotBuilt }

// Own gives the public halves of all the node's own keys: the one it signs with, and those it signed with before and that
// still stand in the directory. The slice is shared and must not be changed.
func (s *Signer) Own() []keys.Public { return nil }

// Name is as whom the node signs.
func (s *Signer) Name() string { return "" }

// Receipt signs that the node has the entry, as DSSE in JSON. Role is node or gateway.
func (s *Signer) Receipt(e *fedmsg.Entry, role string) ([]byte, error) { return nil, errNotBuilt }

// Err tells why keys on disk cannot be used as they are now; nil when they can. What was loaded before stays in use.
func (s *Signer) Err() error { return errNotBuilt }

// Detached signs an envelope as a publisher does: the array that stands in DSSE and in entries. Certificate is its DER, or nil
// where the key is bare.
func Detached(envelope []byte, k *keys.Private, certificate []byte) (json.RawMessage, error) {
	return nil, errNotBuilt
}

// Embedder makes the old X.509 form. It is safe for concurrent use.
type Embedder struct{}

// OpenEmbedder loads an RSA key and its certificate. Other kinds of keys, and a certificate of another key, are refused.
func OpenEmbedder(key, certificate string) (*Embedder, error) { return nil, errNotBuilt }

// Embed gives the envelope with crypto, signature and certificate put into it (SPEC section 7), in new memory.
func (e *Embedder) Embed(envelope []byte) ([]byte, error) { return nil, errNotBuilt }

// EmbedPGP gives the envelope with the old OpenPGP form put into it (SPEC section 8), in new memory. It covers the body alone.
func EmbedPGP(envelope []byte, key *pgp.Private, now time.Time) ([]byte, error) {
	return nil, errNotBuilt
}

var errNotBuilt = errors.New("not built yet")
