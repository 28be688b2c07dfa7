package receive

import (
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/remote"
)

// Config is one [[source]]. Zero fields stand for what their comments say.
type Config struct {
	Name   string            // tells it apart, and is what its messages have as their sender, source:NAME; must be set
	From   string            // the address of the other bus or node, with the options of its kind; must be set
	Topics []fedmsg.Pattern  // what it may bring; must be set: ["#"] is everything
	Verify fedmsg.VerifyMode // what is asked of signatures; empty: as the node

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
func (c *Config) Validate() error { panic("not built") }
