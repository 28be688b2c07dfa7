package ingest

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// Log is where accepted messages go.
type Log interface {
	// Submit fixes the order of the records before it returns. An error means that none of them was taken.
	Submit(ctx context.Context, records ...fedmsg.Record) (fedmsg.Ticket, error)
	// Find looks for a durable entry by its id.
	Find(id string) (fedmsg.Entry, bool, error)
	// Trimmed reports whether entries are gone, and when the last of them was received, at the latest. It must be cheap.
	Trimmed() (until time.Time, gone bool)
}

// Verifier judges who signed a message. *trust.Store is one.
type Verifier interface {
	// Verify judges an envelope by its embedded and its detached signatures, as of a time, and writes signer and verdict into r,
	// of which it reads Envelope, Topic and Signatures. No signature at all is no error: the verdict says so. Beside an error
	// stands the signer so far as known. It is called by several goroutines at once.
	Verify(r *fedmsg.Record, e *wire.Envelope, at time.Time) error
}

// Signer signs for the node what nobody else signed. *sign.Signer is one.
type Signer interface {
	// Topics is what it signs. The slice is shared and must not be changed.
	Topics() []fedmsg.Pattern
	// Sign sets r.Envelope, which stays as it is unless a signature is put into it, r.Signatures, r.Signer and r.Verdict. It is
	// called by several goroutines at once.
	Sign(r *fedmsg.Record) error
	// Grows is the most bytes that Sign adds to an envelope.
	Grows() int
}

// Config says what a [Door] needs. Only Log must be set, and Verifier unless nothing is verified.
type Config struct {
	// Limits bounds each message. Zero means fedmsg.DefaultLimits.
	Limits fedmsg.Limits
	// Publishers says who may publish what, beside root, the group fedmsg and the node's own user, who may publish
	// everything. A rule that names one of these three stands in place of what it may by default.
	Publishers []Publisher
	// Loopback lets whoever reaches the loopback interface publish everything. It is for development only.
	Loopback bool
	// UID is the node's own user.
	UID int
	// RightsFor is how long the rights of a sender are remembered before groups and tokens are asked again: so long may one
	// who lost a right still use it. 0 means 10 s.
	RightsFor time.Duration

	// SeqID is the number for the old replay protocol (seq_id) of the first message that the door makes or signs; the others are counted
	// on from it. 0 gives no numbers.
	SeqID uint64

	// Verify says what is asked of signatures. Empty means fedmsg.VerifyRequire.
	Verify fedmsg.VerifyMode
	// MaxAge is how old a signed message may be where it comes from its publisher; 0 means an hour.
	MaxAge time.Duration
	// MaxFuture is how far the clock of a publisher may be ahead; 0 means a minute.
	MaxFuture time.Duration

	// Verifier judges signatures. Nil refuses every message, unless nothing is verified.
	Verifier Verifier
	// Signer signs for the node; nil signs nothing.
	Signer Signer
	// Reserved tells the topics of redactions. On these nobody may publish but the passage for them, and whoever hands in what
	// Redactor signed. Nil means that there are none.
	Reserved func(topic string) bool
	// Redactor reports whether a verified signer may say what this node is to erase. Nil means that none may.
	Redactor func(signer string) bool
	// Tokens gives the topics that the token of this name may publish on, and whether there is such a token. Nil means that
	// there are none.
	Tokens func(name string) (publish []fedmsg.Pattern, ok bool)
	// Sources gives the topics of the [[source]] of this name: what it may bring, whatever signers may. Nil means that there
	// are none.
	Sources func(name string) []fedmsg.Pattern
	// Accounts gives the account of a uid in decimal. Nil asks the operating system, see [SystemAccount].
	Accounts func(uid string) Account
	// Log takes what is accepted.
	Log Log
	// Metrics counts; nil counts where nobody looks.
	Metrics *Metrics
	// Logger is told of refusals; nil discards.
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Validate finds all that is wrong in the settings, and names the rule and the key.
func (c *Config) Validate() error {
	var faults []error
	for i := range c.Publishers {
		faults = append(faults, c.Publishers[i].validate(i+1))
	}
	return errors.Join(faults...)
}

// withDefaults fills what is zero.
func (c Config) withDefaults() Config {
	if c.Limits == (fedmsg.Limits{}) {
		c.Limits = fedmsg.DefaultLimits()
	}
	if c.RightsFor == 0 {
		c.RightsFor = 10 * time.Second
	}
	if c.Verify == "" {
		c.Verify = fedmsg.VerifyRequire
	}
	if c.MaxAge == 0 {
		c.MaxAge = time.Hour
	}
	if c.MaxFuture == 0 {
		c.MaxFuture = time.Minute
	}
	if c.Reserved == nil {
		c.Reserved = func(string) bool { return false }
	}
	if c.Redactor == nil {
		c.Redactor = func(string) bool { return false }
	}
	if c.Tokens == nil {
		c.Tokens = func(string) ([]fedmsg.Pattern, bool) { return nil, false }
	}
	if c.Sources == nil {
		c.Sources = func(string) []fedmsg.Pattern { return nil }
	}
	if c.Accounts == nil {
		c.Accounts = SystemAccount
	}
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}
