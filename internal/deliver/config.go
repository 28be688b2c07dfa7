package deliver

import (
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
	AnswerTimeout time.Duration // silence for so long about what was sent ends the session; 0 means 30 s
	IdleTimeout   time.Duration // without an entry for so long the connection is closed until the next; 0 leaves it to the kind
	DeadLetters   int           // the sink stops when it has so many dead letters; 0 means 10000

	Credentials string // file with USER:PASSWORD, or a token, in its first line; mode 0600
	CA          string `toml:"ca"` // PEM file of the authorities of the other side; empty: those of the system
	Certificate string // PEM file of the certificate shown to the other side
	Key         string // PEM file of its key, mode 0600
}

// Files names the files of the destination's credentials.
func (c *Config) Files() remote.Files {
	return remote.Files{Credentials: c.Credentials, CA: c.CA, Certificate: c.Certificate, Key: c.Key}
}

// Validate tells all that is wrong, each fault beginning with the sink's name. What only the kind knows is its own to judge.
func (c *Config) Validate() error { panic("not built") }
