package commitlog

import (
	"bytes"
	"log/slog"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// Options says how a log is kept. The zero value works: it keeps everything.
type Options struct {
	// SegmentBytes is the size at which a segment is full. Default 128 MiB, at most 1 GiB, and never more than a quarter of
	// MaxBytes, so that retention has something to remove, nor less than a thousandth: each segment has two files open, and a
	// filter that is asked for each id.
	SegmentBytes int64
	// MaxBytes bounds the size of segments and indexes together; the oldest segments go first. Where a pin holds them, Submit
	// fails with CodeStorageFull instead. 0 is no bound.
	MaxBytes int64
	// MaxAge bounds the age of entries: a segment goes when its newest entry is older. 0 is no bound.
	MaxAge time.Duration
	// QueueBytes bounds what is submitted and not yet durable; Submit waits beyond. One submission that is larger on its own
	// is taken when nothing else is queued. Half of it is the largest write. Default 4 MiB, at most half of MaxBytes.
	QueueBytes int
	// KeepEvery is how often retention looks at ages and the mark of what is durable is renewed. Default 1 minute.
	KeepEvery time.Duration

	// Same tells whether a submitted record with the id of a stored entry is the same message. Nil compares the envelopes.
	Same func(stored *fedmsg.Entry, submitted *fedmsg.Record) bool
	// Redacted tells whether the message with an id was redacted before it came, or before retention removed it: such a record fails
	// with CodeRedacted. It is called by the writer and must not block. Nil is none.
	Redacted func(id string) bool
	// Committed is called by the writer with entries that have become durable, in the log's order, before their tickets are
	// answered. It must not block. The entries are immutable and stay valid.
	Committed func([]fedmsg.Entry)
	// Pins gives the saved positions of readers. It is called at Open and whenever retention wants to remove a segment, by
	// one goroutine at a time. Nil is none.
	Pins func() []Pin

	FS     durable.FS       // the file layer; nil is the operating system's
	Logger *slog.Logger     // for the operator; nil discards
	Now    func() time.Time // the clock; nil is time.Now
}

// Pin is the saved position of a reader.
type Pin struct {
	Name     string          // of the reader, for people
	Position fedmsg.Position // it has everything up to here
	Hold     bool            // entries behind Position must not be removed by retention
}

const (
	defaultSegmentBytes = 128 << 20
	maxSegmentBytes     = 1 << 30
	maxSegments         = 1000 // about, where MaxBytes bounds the log
	defaultQueueBytes   = 4 << 20
	defaultKeepEvery    = time.Minute
)

// withDefaults fills what is zero.
func (o Options) withDefaults() Options {
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	o.SegmentBytes = min(o.SegmentBytes, maxSegmentBytes)
	if o.MaxBytes > 0 {
		o.SegmentBytes = max(1, min(max(o.SegmentBytes, o.MaxBytes/maxSegments), o.MaxBytes/4))
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = defaultQueueBytes
	}
	if o.MaxBytes > 0 {
		o.QueueBytes = int(min(int64(o.QueueBytes), o.MaxBytes/2))
	}
	if o.KeepEvery <= 0 {
		o.KeepEvery = defaultKeepEvery
	}
	if o.Same == nil {
		o.Same = func(stored *fedmsg.Entry, submitted *fedmsg.Record) bool {
			return bytes.Equal(stored.Envelope, submitted.Envelope)
		}
	}
	if o.Redacted == nil {
		o.Redacted = func(string) bool { return false }
	}
	if o.Committed == nil {
		o.Committed = func([]fedmsg.Entry) {}
	}
	if o.Pins == nil {
		o.Pins = func() []Pin { return nil }
	}
	if o.FS == nil {
		o.FS = durable.OS{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}
