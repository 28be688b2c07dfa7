package deliver

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/remote"
)

// Config is one [[sink]]. Zero fields stand for what their comments say.
type Config struct {
	Name     string           // tells it apart, in files, metrics and commands: letters, digits, - and _; must be set
	To       string           // the address of the destination, with the options of its kind; must be set, unless Command is
	Command  []string         // instead of To: the program that each entry starts, and its arguments
	Topics   []fedmsg.Pattern // what it may have; must be set: ["#"] is everything
	Prefixes []string         // and of these, beginnings of topics byte for byte as on the old wire; empty leaves nothing out
	Senders  []string         // and what came from one of these senders, as in uid:1000; empty leaves nothing out
	Signers  []string         // and what one of these signed, ROOT or ROOT/NAME; empty leaves nothing out
	Where    string           // and what this expression is true of; empty leaves nothing out

	Start  string        // where it begins when it is new: "now" (the default), "beginning" or a POSITION
	MaxAge time.Duration // entries received longer ago are skipped; 0 skips none, which is right for every bridge
	Hold   bool          // retention keeps what it has not taken; a destination that stays away then fills the disk

	InFlight      int           // entries sent and not answered; 0 leaves it to the kind
	Attempts      int           // after so many an entry that is itself at fault is given up; 0 means 10
	RetryFirst    time.Duration // the first wait before another attempt; 0 means 100 ms
	RetryMax      time.Duration // and the longest; 0 means 30 s
	AnswerTimeout time.Duration // silence for so long about what was sent ends the session; 0 leaves it to the kind, which means 30 s mostly
	IdleTimeout   time.Duration // without an entry for so long the connection is closed until the next; 0 leaves it to the kind
	DeadLetters   int           // the sink stops when it has so many dead letters; 0 means 10000

	Credentials string // file with USER:PASSWORD, or a token, in its first line; mode 0600
	CA          string `toml:"ca"` // PEM file of the authorities of the other side; empty: those of the system
	Certificate string // PEM file of the certificate shown to the other side
	Key         string // PEM file of its key, mode 0600
}

// What stands for zero fields where the kind proposes nothing.
const (
	defaultInFlight      = 256
	defaultAttempts      = 10
	defaultRetryFirst    = 100 * time.Millisecond
	defaultRetryMax      = 30 * time.Second
	defaultAnswerTimeout = 30 * time.Second
	defaultDeadLetters   = 10_000
	maxInFlight          = 1 << 20
	maxName              = 64
)

// Files names the files of the destination's credentials.
func (c *Config) Files() remote.Files {
	return remote.Files{Credentials: c.Credentials, CA: c.CA, Certificate: c.Certificate, Key: c.Key}
}

// Validate tells all that is wrong, each fault beginning with the sink's name. What only the kind knows is its own to judge.
func (c *Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fedmsg.Errorf(fedmsg.CodeConfig, "sink %s: %s", c.Name, fmt.Sprintf(format, args...)))
	}
	if !goodName(c.Name) {
		faults = append(faults, fedmsg.Errorf(fedmsg.CodeConfig, "sink %q: name must be set, to at most %d letters, digits, - and _", c.Name, maxName))
	}
	switch {
	case c.To == "" && len(c.Command) == 0:
		fault("to says where it delivers, or command what it starts; one of them must be set")
	case c.To != "" && len(c.Command) > 0:
		fault("to and command are both set; a sink has one of them")
	case len(c.Command) > 0 && c.Command[0] == "":
		fault("command begins with the program, which is empty")
	}
	if len(c.Topics) == 0 {
		fault(`topics says what it may have, and must be set; ["#"] is everything`)
	}
	if c.Start != "" && c.Start != "now" && c.Start != "beginning" {
		if _, err := fedmsg.ParsePosition(c.Start); err != nil {
			fault(`start is "now", "beginning" or a position that the node printed, not %q`, c.Start)
		}
	}
	_, wrong := c.filter()
	for _, err := range wrong {
		fault("%s", sentence(err))
	}
	c.validateNumbers(fault)
	files := c.Files()
	if err := files.Validate(); err != nil {
		fault("%s", sentence(err))
	}
	return errors.Join(faults...)
}

// validateNumbers looks for what is out of bounds.
func (c *Config) validateNumbers(fault func(format string, args ...any)) {
	for _, n := range []struct {
		key   string
		value int
		most  int
	}{{"in_flight", c.InFlight, maxInFlight}, {"attempts", c.Attempts, 1 << 20}, {"dead_letters", c.DeadLetters, 1 << 20}} {
		if n.value < 0 || n.value > n.most {
			fault("%s is a number from 0, which means the default, to %d, not %d", n.key, n.most, n.value)
		}
	}
	for _, d := range []struct {
		key   string
		value time.Duration
	}{
		{"max_age", c.MaxAge}, {"retry_first", c.RetryFirst}, {"retry_max", c.RetryMax}, {"answer_timeout", c.AnswerTimeout}, {"idle_timeout", c.IdleTimeout},
	} {
		if d.value < 0 {
			fault("%s is a length of time, not %s", d.key, d.value)
		}
	}
	full := Configured{Config: *c}.withDefaults()
	if full.RetryFirst > full.RetryMax {
		fault("retry_first, %s, is longer than retry_max, %s", full.RetryFirst, full.RetryMax)
	}
}

func goodName(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return name != "" && len(name) <= maxName
}

// withDefaults is the Config with what stands for its zero fields.
func (c Configured) withDefaults() Config {
	cfg := c.Config
	cfg.InFlight = cmp.Or(cfg.InFlight, c.InFlight, defaultInFlight)
	cfg.Attempts = cmp.Or(cfg.Attempts, defaultAttempts)
	cfg.RetryFirst = cmp.Or(cfg.RetryFirst, defaultRetryFirst)
	cfg.RetryMax = cmp.Or(cfg.RetryMax, max(defaultRetryMax, cfg.RetryFirst))
	cfg.AnswerTimeout = cmp.Or(cfg.AnswerTimeout, c.AnswerTimeout, defaultAnswerTimeout)
	cfg.IdleTimeout = cmp.Or(cfg.IdleTimeout, c.IdleTimeout)
	cfg.DeadLetters = cmp.Or(cfg.DeadLetters, defaultDeadLetters)
	return cfg
}
