// Package sign signs messages: detached over their exact bytes (DSSE), and in the two old embedded forms.
//
// It promises that what it signs is what is stored, byte for byte, that keys are loaded once and again when their files
// change, and that a node that was never given a key makes one and keeps it. It verifies nothing.
package sign

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/wire"
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
	Settings Settings         // with Name and Topics filled in
	Dir      string           // directory of the node's own keys, STATE/keys; made when it is needed
	Every    time.Duration    // look for changed files at most this often; 0 means a second
	Now      func() time.Time // nil means time.Now
	Logger   *slog.Logger     // told when keys changed or cannot be used; nil means nobody
}

// Signer signs for a node. It is safe for concurrent use and has nothing to close.
type Signer struct {
	c       Config
	buffers sync.Pool // of *[]byte: what is signed, while it is

	mu      sync.Mutex
	loaded  *loaded   // guarded by mu; replaced, never changed
	seen    []file    // guarded by mu; the files of which loaded is what was read, or err why not
	checked time.Time // guarded by mu; when the files were looked at last
	err     error     // guarded by mu; why the files cannot be used as they are now
}

// Open loads the keys, and makes the node's first one where none is set and none is there.
func Open(c Config) (*Signer, error) {
	if c.Every == 0 {
		c.Every = time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Signer{c: c, checked: c.Now()}
	s.buffers.New = func() any { return new([]byte) }
	if err := s.makeFirst(); err != nil {
		return nil, err
	}
	if s.load(s.look()); s.err != nil {
		return nil, s.err
	}
	return s, nil
}

// makeFirst makes the node's key where none is set and none is there. A certificate is of a key that somebody has: then none
// is made.
func (s *Signer) makeFirst() error {
	names, err := keyNames(s.c.Dir)
	if err != nil || len(names) > 0 || s.c.Settings.Key != "" || s.c.Settings.Certificate != "" {
		return err
	}
	k, err := keys.Generate(keys.Ed25519)
	if err != nil {
		return err
	}
	path, err := NewKey(s.c.Dir, k, s.c.Now())
	if err != nil {
		return err
	}
	s.c.Logger.Info("made this node's key", "file", path, "key", k.Public().ID())
	return nil
}

// Topics is what the signer signs for the node: nothing where there are no forms. The slice is shared and must not be changed.
func (s *Signer) Topics() []fedmsg.Pattern {
	if len(s.c.Forms) == 0 {
		return nil
	}
	return s.c.Settings.Topics
}

// Sign signs an envelope that carries no signature: it sets r.Envelope (other bytes where the old form is put into it),
// r.Signatures, r.Signer and r.Verdict. The new bytes belong to the record. On error the record is as it was.
func (s *Signer) Sign(r *fedmsg.Record) error {
	if len(s.c.Forms) == 0 {
		return fedmsg.Errorf(fedmsg.CodeUnsigned, "this node signs nothing; set sign to the forms that it shall sign in")
	}
	l := s.current()
	envelope := r.Envelope
	var err error
	if l.embedder != nil {
		if envelope, err = l.embedder.Embed(envelope); err != nil {
			return err
		}
	}
	if slices.Contains(s.c.Forms, DSSE) {
		if r.Signatures, err = s.detached(l, wire.EnvelopeType, envelope); err != nil {
			return err
		}
	}
	r.Envelope, r.Signer, r.Verdict = envelope, s.c.Settings.Name, fedmsg.VerdictOK
	return nil
}

// Grows is the bytes that Sign adds to an envelope.
func (s *Signer) Grows() int {
	if e := s.current().embedder; e != nil {
		return e.grows
	}
	return 0
}

// Own gives the public halves of all the node's own keys: the one it signs with, and those it signed with before and that
// still stand in the directory. The first is always there. The slice is shared and must not be changed.
func (s *Signer) Own() []keys.Public { return s.current().own }

// Err tells why keys on disk cannot be used as they are now, or that a certificate is not valid at this time; nil when all is
// well. What was loaded before stays in use.
func (s *Signer) Err() error {
	l := s.current()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	return l.validAt(s.c.Now())
}
