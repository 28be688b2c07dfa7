package receive

import (
	"errors"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/backoff"
	"github.com/federated-messaging/fedmsg/internal/remote"
)

// Config is one [[source]]. Zero fields stand for what their comments say.
type Config struct {
	Name   string            // tells it apart, and is what its messages have as their sender, source:NAME; must be set
	From   string            // the address of the other bus or node, with the options of its kind; must be set
	Topics []fedmsg.Pattern  // what it may bring; must be set: ["#"] is everything
	Verify fedmsg.VerifyMode // what is asked of signatures; empty: as the node
	// Sign has the node sign what nobody signed, on topics that it signs. Without it what is unsigned stays unsigned, which Verify
	// "require" refuses: whoever reaches the other side could have this node's word for anything.
	Sign bool

	InFlight    int           // messages taken and not yet on disk; 0 leaves it to the kind
	RetryFirst  time.Duration // the first wait before it connects again; 0 means 100 ms
	RetryMax    time.Duration // and the longest; 0 means 30 s
	DeadLetters int           // the source stops when it has so many dead letters; 0 means 10000

	Credentials string // file with USER:PASSWORD, or a token, in its first line; mode 0600
	CA          string `toml:"ca"` // PEM file of the authorities of the other side; empty: those of the system
	Certificate string // PEM file of the certificate shown to the other side
	Key         string // PEM file of its key, mode 0600
}

// Files names the files of the other side's credentials.
func (c *Config) Files() remote.Files {
	return remote.Files{Credentials: c.Credentials, CA: c.CA, Certificate: c.Certificate, Key: c.Key}
}

// Sender is who hands in what the source brings.
func (c *Config) Sender() fedmsg.Sender {
	return fedmsg.Sender{Kind: fedmsg.SenderSource, Name: c.Name}
}

// Validate tells all that is wrong, each fault beginning with the source's name. What only the kind knows is its own to judge.
func (c *Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fedmsg.Errorf(fedmsg.CodeConfig, "%s: "+format, append([]any{c.Name}, args...)...))
	}
	if !validName(c.Name) {
		fault("name is %q; it has letters, digits, - and _ in it, begins with a letter or digit, and is no longer than %d bytes", c.Name, maxName)
	}
	if c.From == "" {
		fault("from is missing; it says where the messages come from, as in amqps://user@broker.example.org/")
	}
	if len(c.Topics) == 0 {
		fault(`topics is missing, so it may bring nothing; topics = ["#"] is everything`)
	}
	switch c.Verify {
	case "", fedmsg.VerifyRequire, fedmsg.VerifyIfSigned, fedmsg.VerifyInsecureOff:
	default:
		fault("verify is one of require, if-signed and insecure-off, not %q", string(c.Verify))
	}
	for _, n := range [...]struct {
		key   string
		value int
	}{{"in_flight", c.InFlight}, {"dead_letters", c.DeadLetters}, {"retry_first", int(c.RetryFirst)}, {"retry_max", int(c.RetryMax)}} {
		if n.value < 0 {
			fault("%s is below zero", n.key)
		}
	}
	if c.InFlight > maxInFlight {
		fault("in_flight is %d; at most %d are taken", c.InFlight, maxInFlight)
	}
	if p := c.retry(); p.First > p.Max {
		fault("retry_first is %s, which is longer than retry_max, %s", p.First, p.Max)
	}
	files := c.Files()
	if err := files.Validate(); err != nil {
		fault("%s", err)
	}
	return errors.Join(faults...)
}

const (
	maxName     = 64
	maxInFlight = 1 << 20

	defaultInFlight    = 1024
	defaultRetryFirst  = 100 * time.Millisecond
	defaultRetryMax    = 30 * time.Second
	defaultDeadLetters = 10_000
)

// retry is how long it waits before another attempt.
func (c *Config) retry() backoff.Policy {
	p := backoff.Policy{First: c.RetryFirst, Max: c.RetryMax}
	if p.First == 0 {
		p.First = defaultRetryFirst
	}
	if p.Max == 0 {
		p.Max = max(defaultRetryMax, p.First)
	}
	return p
}

// validName reports whether a name can stand in file names, metrics and commands.
func validName(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case (c == '-' || c == '_') && i > 0:
		default:
			return false
		}
	}
	return name != "" && len(name) <= maxName
}
