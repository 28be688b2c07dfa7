package fedmsg

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Message is what a publisher says.
type Message struct {
	ID       string            // YYYY-UUIDv4; empty before the envelope is made
	Topic    string            // PREFIX.ENV.SERVICE.OBJECT[.SUBOBJECT].EVENT
	Time     time.Time         // when the publisher made it; whole seconds on the wire
	Username string            // who the publisher claims to be; never proof of anything
	Headers  map[string]string // free labels
	Body     json.RawMessage   // a JSON object
}

// Record is an accepted message on its way into the log. Whoever hands it over gives up the right to change the bytes
// behind it: the log and its readers share them for as long as they like.
type Record struct {
	ID         string
	Topic      string
	Envelope   []byte          // the exact bytes, never changed again
	Sender     string          // as authenticated, see [Sender]
	Signer     string          // the verified signer, as ROOT or ROOT/NAME of this node's trust; empty where nobody was verified
	Verdict    Verdict         // what verification found
	Signatures json.RawMessage // a JSON array of detached signatures, or nil
	Origin     Position        // where another node had it; zero when it came from a publisher

	// Made tells that this node made the envelope from a submission of topic, body and headers, so that only these are
	// the content which decides whether the same id means the same message; or that it put its number (seq_id) into one that
	// it signs. Otherwise the publisher made the envelope.
	Made bool
	// NotIJSON tells that the envelope came over the old wire with NaN, Infinity or lone surrogates, which strict JSON
	// parsers refuse. As JSON the entry then carries it as base64.
	NotIJSON bool
	// FreshID tells that the id was made at random just now, by this node: it cannot be in the log, and is not looked for.
	FreshID bool
}

// Entry is an envelope in a node's log with what the node knows of it. It is immutable: its slices and strings are shared
// by all readers and must not be changed.
type Entry struct {
	Position   Position
	Received   time.Time // never decreases along the log; UTC
	ID         string
	Topic      string
	Sender     string
	Signer     string  // the verified signer, as ROOT or ROOT/NAME of this node's trust; empty where nobody was verified
	Verdict    Verdict // what verification found
	Envelope   []byte
	Signatures json.RawMessage // a JSON array or nil
	Origin     Position
	Made       bool
	NotIJSON   bool
	Redacted   bool // its payload was erased: it has no envelope, no signatures, and nothing is said of who sent or signed it
}

// Receipt is what a publisher gets: its message is durable. A duplicate has the position and time of the first one.
type Receipt struct {
	ID        string    `json:"id"`
	Position  Position  `json:"position"`
	Seq       uint64    `json:"seq"`
	Received  time.Time `json:"received"`
	Duplicate bool      `json:"duplicate"`
}

// Outcome is what became of one submitted record: a receipt, or the error instead.
type Outcome struct {
	Receipt Receipt
	Err     error
}

// Ticket stands for records whose order in the log is fixed but which may not be durable yet.
type Ticket interface {
	// Wait returns when the fate of every record is known, in the order of submission, or when ctx ends. In the second
	// case the fate is unknown: the error has CodeTimeout. Wait may be called again, and by several goroutines.
	Wait(ctx context.Context) ([]Outcome, error)
}

// Gap tells a reader that it was not given the entries From up to and including To.
type Gap struct {
	From   Position  `json:"from"`
	To     Position  `json:"to"`
	Reason GapReason `json:"reason"`
}

// Error makes a Gap what a reader returns in place of the entries that it cannot give. Reading goes on behind it.
func (g *Gap) Error() string {
	return fmt.Sprintf("gap from %s to %s: %s", g.From, g.To, g.Reason)
}

// GapReason says why entries were not given.
type GapReason string

// The reasons of a [Gap].
const (
	GapTrimmed  GapReason = "trimmed"   // retention has removed them
	GapDamaged  GapReason = "damaged"   // their bytes on disk do not match their checksum
	GapOtherLog GapReason = "other_log" // the reader's position is of a log that this node knows nothing of; From is that position, To is before the first entry given
	GapAhead    GapReason = "ahead"     // the reader's position lies beyond the end: this log was restored from an older copy
)

// Sender is who handed a message to a node, as the door authenticated it. The zero Sender is nobody.
type Sender struct {
	Kind SenderKind
	Name string // the uid in decimal, the name of the token, certificate, CURVE client or ZeroMQ socket
}

// SenderKind is the way in which a sender was authenticated.
type SenderKind string

// The kinds of [Sender].
const (
	SenderUID         SenderKind = "uid"         // by the unix socket or the owner of a spool file
	SenderToken       SenderKind = "token"       // by a bearer token
	SenderCertificate SenderKind = "certificate" // by a TLS client certificate
	SenderCurve       SenderKind = "curve"       // by the CURVE key of a ZeroMQ client
	SenderZeroMQ      SenderKind = "zeromq"      // by nothing but the way on which it came: a ZeroMQ socket of that name
	SenderLoopback    SenderKind = "loopback"    // by nothing: it came over the loopback interface while environment is dev
	SenderSource      SenderKind = "source"      // by a [[source]] of that name, which brought it from another bus or node
	SenderNode        SenderKind = "node"        // this node itself
)

// IsZero reports whether s is nobody.
func (s Sender) IsZero() bool { return s == Sender{} }

// String is KIND:NAME as in uid:1000, or KIND alone where there is no name.
func (s Sender) String() string {
	if s.Name == "" {
		return string(s.Kind)
	}
	return string(s.Kind) + ":" + s.Name
}
