// Package receivetest is the conformance suite of sources: every kind runs it against the real server that it takes from.
//
// It promises that what passes acknowledges nothing that is not on disk, keeps the order, brings everything and lets go of
// everything when it is stopped, together with the runner of package receive, whatever fails: the door, in pairs of *failed* and
// *failed but it happened*, and what the target says can fail at the other side.
package receivetest

import (
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/conform"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// Target is one kind of source and what is expected of it.
type Target struct {
	// New gives a source and a new place for it to take from, with nothing in it; what it starts is stopped by t.Cleanup. It is
	// called once for each test of the suite; the tests run one after the other.
	New func(t *testing.T) *Origin
	Features

	patience time.Duration // 0 means that of package conform; the suite's own tests have less
}

// Features is what a kind can do. The zero value asks for the least: what is published while the source is connected comes.
type Features struct {
	Ordered bool // messages come in the order in which one publisher published them
	// Kept tells that the other side keeps for the source what it has not acknowledged, also while it is not connected.
	Kept bool
	// Lossless tells that messages come with the exact envelope and signatures.
	Lossless bool
	// Unsigned tells that Lossless does not cover detached signatures: messages are made without.
	Unsigned bool
	// MaxBody bounds the bodies that the suite makes; 0 means 200 KB.
	MaxBody int
}

// Origin is one place to take from. Functions that are nil leave the tests that need them out.
type Origin struct {
	// Source gives the source at work; it is called again for a node that was started again.
	Source   func(t *testing.T) receive.Source
	InFlight int // what the kind proposes, or less; 0 means 16
	// Publish puts messages there in order, as a publisher of another make does, and returns when the other side has them.
	Publish func(t *testing.T, messages ...Message)
	// PublishBad puts one there that the source can read nothing of: no envelope, and nothing to make one of.
	PublishBad func(t *testing.T)

	Stop   func(t *testing.T) // takes the server away; what it confirmed it keeps
	Start  func(t *testing.T) // brings it back
	Cut    func(t *testing.T) // breaks the connections that there are, at once and without a word
	Pause  func(t *testing.T) // makes the server silent
	Resume func(t *testing.T)

	// Envelope makes the exact bytes of an envelope with this topic, id, time and body; nil makes what a node makes.
	Envelope func(topic, id string, at time.Time, body []byte) []byte
}

// Message is what is published, on org.example.dev.conformance.WORD.
type Message = conform.Message
