package token

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/stamp"
)

// Config says what a [Store] reads.
type Config struct {
	Path   string           // the file; it need not exist
	Every  time.Duration    // look for a change at most this often; 0 means a second
	Now    func() time.Time // nil means time.Now
	Logger *slog.Logger     // told when the file cannot be used; nil means nobody
}

// Store knows the tokens of a file and follows its changes. It is safe for concurrent use and has nothing to close.
type Store struct {
	c Config

	mu      sync.Mutex
	tokens  []Token     // guarded by mu; the slice is replaced, never changed
	seen    stamp.Stamp // guarded by mu; the file of which tokens is what was read
	checked time.Time   // guarded by mu; when the file was looked at last
	err     error       // guarded by mu; why the file cannot be used, nil when it can
}

// Open reads the file. It fails when the file is there and cannot be used, as [Read] does.
func Open(c Config) (*Store, error) {
	if c.Every == 0 {
		c.Every = time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{c: c, checked: c.Now()}
	s.load()
	return s, s.err
}

// Lookup finds the token of this secret. The time it takes says nothing of any token's hash. Expired and revoked tokens are
// not found, nor is any while the file cannot be used.
func (s *Store) Lookup(secret string) (Grant, bool) {
	tokens, now := s.current()
	hash, found := sha256.Sum256([]byte(secret)), -1
	for i := range tokens {
		if subtle.ConstantTimeCompare(hash[:], tokens[i].SHA256[:]) == 1 {
			found = i
		}
	}
	if found < 0 || tokens[found].expired(now) {
		return Grant{}, false
	}
	return tokens[found].grant(), true
}

// Named finds the token of this name, to ask what it still may do when its secret was seen some time ago.
func (s *Store) Named(name string) (Grant, bool) {
	tokens, now := s.current()
	if i := find(tokens, name); i >= 0 && !tokens[i].expired(now) {
		return tokens[i].grant(), true
	}
	return Grant{}, false
}

// Len is the number of tokens that have not expired.
func (s *Store) Len() int {
	tokens, now := s.current()
	n := 0
	for i := range tokens {
		if !tokens[i].expired(now) {
			n++
		}
	}
	return n
}

// Err says that the file cannot be used, or nil. Why, and which file, is inside: the sentence is for whoever asks.
func (s *Store) Err() error {
	s.current()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		return nil
	}
	return fedmsg.WrapError(fedmsg.CodeOf(s.err), s.err, "the tokens cannot be used, so every token is refused; the node's log names the file and the cure")
}

// current gives the tokens of the file as it is, or was less than Every ago.
func (s *Store) current() ([]Token, time.Time) {
	now := s.c.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	// A clock that was set back must not stop the looking.
	if d := now.Sub(s.checked); d >= s.c.Every || d < 0 {
		s.checked = now
		if stamp.Of(s.c.Path) != s.seen {
			s.load()
		}
	}
	return s.tokens, now
}

// load reads the file. The caller holds mu or is alone.
func (s *Store) load() {
	s.seen = stamp.Of(s.c.Path)
	s.tokens, s.err = Read(s.c.Path)
	if s.err != nil {
		s.tokens = nil
		s.c.Logger.Error("tokens cannot be used, so every token is refused", "file", s.c.Path, "err", s.err)
		return
	}
	s.c.Logger.Debug("read the tokens", "file", s.c.Path, "tokens", len(s.tokens))
}
