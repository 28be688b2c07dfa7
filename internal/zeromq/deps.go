package zeromq

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// Deps is what the server needs of the rest of the node. Fields without "optional" must be set.
type Deps struct {
	// Door gives the way into the log for an endpoint, by its option verify=; an empty mode is that of the node. Replaying asks
	// for the way of messages that were published long ago. It is called when the server is made.
	Door func(verify fedmsg.VerifyMode, replaying bool) Door
	Log  Log
	Feed Feed

	// Clients are those of [[zeromq_client]]; optional.
	Clients []Client
	// Curve gives the node's own pair of CURVE keys, made if it had none. It is called where an endpoint has curve=yes;
	// optional otherwise.
	Curve func() (zmtp.CurvePair, error)
	// Heard is the file that says up to where the publishers of the mesh were heard. It is used where the node listens to some.
	Heard string
	// Numbers finds messages by their numbers for old replay clients; optional: without it nothing has one.
	Numbers Numbers
	// Name is as whom the node signs, which answers to submitters name as the publisher.
	Name string
	// Embeds tells that the node puts the old embedded signature into what it signs (sign has x509).
	Embeds bool
	// MaxMessage bounds the bytes of one message that a peer sends; optional, zero is zmtp's own bound.
	MaxMessage int

	// Registerer takes this package's collectors; optional.
	Registerer prometheus.Registerer
	// Logger takes what operators must know; optional.
	Logger *slog.Logger
}

// Door is the way into the log. The frames belong to the caller again when a method returns; refusals are outcomes. It may
// block while too much waits to become durable, until ctx ends.
type Door interface {
	// SubmitParts takes submissions of topic, headers and body.
	SubmitParts(ctx context.Context, from fedmsg.Sender, messages ...[][]byte) fedmsg.Ticket
	publishedDoor // what was published on ZeroMQ, in any of the forms
}

// Log is the stored past.
type Log interface {
	// Find gives the entry with the id, if there is one.
	Find(id string) (fedmsg.Entry, bool, error)
	// SeekTime gives the number after which the entries received at t or later stand.
	SeekTime(t time.Time) (after uint64, err error)
}

// Numbers finds entries by the numbers (seq_id) that this node gave them. *seqid.Book is one.
type Numbers interface {
	// Find gives the first entry whose number is n or greater; ok is false where there is none.
	Find(n uint64) (at uint64, ok bool, err error)
}

// Feed is the live end of the log.
type Feed interface {
	// Cursor stands behind the entry with number after.
	Cursor(after uint64) *feed.Cursor
	// Last is the position of the newest entry.
	Last() fedmsg.Position
}
