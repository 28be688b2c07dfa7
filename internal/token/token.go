package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Token is one line of the file: who may do what, and the hash by which its secret is known.
type Token struct {
	Name    string           `json:"name"`              // unique; the sender of what is published with it
	SHA256  Hash             `json:"sha256"`            // of the secret
	Created time.Time        `json:"created"`           // whole seconds, UTC
	Expires time.Time        `json:"expires,omitzero"`  // zero: never
	Publish []fedmsg.Pattern `json:"publish,omitempty"` // topics that it may publish on; none: no topic
	Read    []fedmsg.Pattern `json:"read,omitempty"`    // topics that it may read; none: no topic
}

// Grant is what the bearer of a secret may do. Its slices are shared and must not be changed.
type Grant struct {
	Name    string           // of the token
	Publish []fedmsg.Pattern // topics that it may publish on
	Read    []fedmsg.Pattern // topics that it may read
	Expires time.Time        // when it ends; zero: never
}

// Hash is the SHA-256 of a secret.
type Hash [sha256.Size]byte

// MarshalText gives the hash in hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads the hash in hexadecimal.
func (h *Hash) UnmarshalText(b []byte) error {
	if hex.DecodedLen(len(b)) != len(h) {
		return fedmsg.Errorf(fedmsg.CodeConfig, "a sha256 has %d hexadecimal digits, not %d bytes", 2*len(h), len(b))
	}
	_, err := hex.Decode(h[:], b)
	return err
}

// secretPrefix lets people and scanners of leaked secrets see what it is.
const secretPrefix = "fedmsg_"

// maxNameBytes bounds a name.
const maxNameBytes = 64

// New makes a token and its secret: fedmsg_ and 32 random bytes in base32. The secret is in nobody's hands but the caller's.
func New(name string, publish, read []fedmsg.Pattern, now, expires time.Time) (Token, string, error) {
	if err := CheckName(name); err != nil {
		return Token{}, "", err
	}
	var random [32]byte
	rand.Read(random[:]) // never fails: the program ends instead
	secret := secretPrefix + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random[:]))
	t := Token{
		Name: name, SHA256: sha256.Sum256([]byte(secret)), Publish: publish, Read: read,
		Created: now.UTC().Truncate(time.Second),
	}
	if !expires.IsZero() {
		t.Expires = expires.UTC().Truncate(time.Second)
	}
	return t, secret, nil
}

// CheckName holds the grammar of names: 1 to 64 of A-Z a-z 0-9 . _ -, so that they stand in logs and senders as they are.
func CheckName(name string) error {
	if name == "" || len(name) > maxNameBytes {
		return fedmsg.Errorf(fedmsg.CodeUsage, "the name of a token has 1 to %d characters, not %d", maxNameBytes, len(name))
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r) {
			return fedmsg.Errorf(fedmsg.CodeUsage, "the name of a token is made of A-Z a-z 0-9 . _ - and cannot have %q", r)
		}
	}
	return nil
}

// expired reports whether the token has ended.
func (t *Token) expired(now time.Time) bool { return !t.Expires.IsZero() && !now.Before(t.Expires) }

func (t *Token) grant() Grant {
	return Grant{Name: t.Name, Publish: t.Publish, Read: t.Read, Expires: t.Expires}
}
