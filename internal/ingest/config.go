package ingest

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Log is where accepted messages go.
type Log interface {
	// Submit fixes the order of the records before it returns. An error means that none of them was taken.
	Submit(ctx context.Context, records ...fedmsg.Record) (fedmsg.Ticket, error)
	// Find looks for a durable entry by its id.
	Find(id string) (fedmsg.Entry, bool, error)
}

// Config says what a [Door] needs. Only Log must be set.
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

	// Tokens gives the topics that the token of this name may publish on, and whether there is such a token. Nil means that
	// there are none.
	Tokens func(name string) (publish []fedmsg.Pattern, ok bool)
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
	if c.Tokens == nil {
		c.Tokens = func(string) ([]fedmsg.Pattern, bool) { return nil, false }
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
