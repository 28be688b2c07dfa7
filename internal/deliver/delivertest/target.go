// Package delivertest is the conformance suite of sinks: every kind runs it against the real server that it delivers to.
//
// It promises that what passes loses nothing, keeps the order and lets go of everything when it is stopped, together with the
// runner of package deliver, whatever fails: the sink's own calls, in pairs of *failed* and *failed but it happened*, and what
// the target says can fail at the other side. What arrived is asked of the other side, never of the sink.
package delivertest

import (
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/conform"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// Target is one kind of sink and what is expected of it.
type Target struct {
	// New gives a sink and a new destination for it, with nothing in it, as in a queue or directory of its own; what it starts is
	// stopped by t.Cleanup. It is called once for each test of the suite; the tests run one after the other.
	New func(t *testing.T) *Destination
	Features

	patience time.Duration // 0 means that of the package; the suite's own tests have less
}

// Features is what a kind can do. The zero value asks for the least: at least once, in any order.
type Features struct {
	Ordered bool // entries first appear in the order of the log
	// Once tells that the other side knows an entry that comes again, by its id, so that it arrives once even after faults.
	Once bool
	// Batches tells that Send does not wait for the answer: several are on their way at once. It is tried where Pause is set.
	Batches bool
	// Lossless tells that arrivals have the exact envelope and signatures.
	Lossless bool
	// Unsigned tells that Lossless does not cover detached signatures: entries are made without.
	Unsigned bool
	// MaxBody bounds the bodies that the suite makes; 0 means 200 KB.
	MaxBody int
}

// Destination is one place to deliver to. Functions that are nil leave the tests that need them out.
type Destination struct {
	Sink     deliver.Sink
	InFlight int // what the kind proposes, or less; 0 means 16
	// Topics makes a topic of words that are unique to a test, for a destination that takes only some; nil leaves them as they are:
	// org.example.dev.conformance.WORD.
	Topic func(topic string) string
	// Arrived gives what has arrived up to now, in the order of arrival, repetitions included, as a consumer of another make wrote
	// it down. It is polled.
	Arrived func(t *testing.T) []Arrival

	Stop   func(t *testing.T) // takes the server away, as its administrator or kill -9 does; what it confirmed it keeps
	Start  func(t *testing.T) // brings it back
	Cut    func(t *testing.T) // breaks the connections that there are, at once and without a word, as a proxy between can
	Pause  func(t *testing.T) // makes the server silent: nothing is answered, no connection ends
	Resume func(t *testing.T)

	// Poison changes an entry of the suite so that the destination refuses it for good each time; the sink answers Permanent.
	Poison func(e *fedmsg.Entry)
	// Envelope makes the exact bytes of an envelope with this topic, id, time and body for a destination that checks them, such as
	// a node with trust; nil makes what a node makes of an unsigned submission.
	Envelope func(topic, id string, at time.Time, body []byte) []byte
}

// Arrival is one message as the other side has it. Its envelope and signatures are looked at where the target is Lossless.
type Arrival = conform.Message
