// Package trust decides who said a message and whether they may: it verifies the signatures of envelopes against the roots
// that the operator trusts.
//
// It promises that nothing is trusted unless a root says so, that every refusal names a code and the line that decides, that
// a judgement is as of a time that the caller names (so that an entry verifies years later as it did when it came), and that
// roots can be changed while it works: files are read again when they change, and a file that cannot be read leaves the last
// good state in force and shows in health. It does not sign, store or read clocks for its judgements.
package trust

import (
	"log/slog"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
)

// Root is one [[trust]]: keys of one kind, and what those who sign with them may speak for. Exactly one of CA, Keyring and
// Keys is set.
type Root struct {
	Name      string           // unique; letters, digits, dot, dash and underscore
	CA        string           // PEM file of certificate authorities
	CRL       string           // PEM or DER file of their revocation list; only with CA
	Keyring   string           // file of OpenPGP public keys, for the old form; needs Legacy
	Keys      []string         // PEM files of public keys
	Topics    []fedmsg.Pattern // what it may speak for; nothing when empty
	Legacy    bool             // take SHA-1, short RSA keys and the OpenPGP form
	NotBefore time.Time        // it is trusted for messages received from then on; zero: always
	NotAfter  time.Time        // and until then; zero: for ever
}

// Policy is the routing policy of the old system: for a topic, the names of the certificates that may sign it.
type Policy struct {
	Nitpicky bool                // a certificate may sign only topics that stand in Topics
	Topics   map[string][]string // exact topic -> names of certificates
}

// File is what a trust file holds, or the configuration of a node beside it.
type File struct {
	Trust  []Root
	Policy Policy
}

// Settings is [verification]: how strictly a node verifies.
type Settings struct {
	MaxAge        time.Duration // how old a signed message may be at a live door
	MaxFuture     time.Duration // how far a clock may be ahead
	OnStaleCRL    string        // refuse or accept: what becomes of messages while the revocation list is out of date
	StaleCRLGrace time.Duration // how long after its next update a list still counts
}

// Config says what a [Store] needs.
type Config struct {
	File      File                            // the roots of the configuration
	Where     string                          // how people are told where those stand; empty: "configuration"
	Path      string                          // a trust file to read beside them; empty: none
	Read      func(path string) (File, error) // reads it; paths in it are relative to its directory
	Settings  Settings
	Own       func() []keys.Public // the node's own keys, all that are valid; nil: none. Called often: it must be cheap
	OwnName   string               // the name of the root that the own keys stand for
	OwnTopics []fedmsg.Pattern     // what they may speak for
	Archived  bool                 // also try an envelope without what the old archive added to it
	Every     time.Duration        // look for changed files at most this often; 0 means a second, negative never
	Now       func() time.Time     // for Every alone; nil means time.Now
	Logger    *slog.Logger         // nil discards
}
