package ingest

import (
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// fresh refuses a signed message whose time is wrong for this entrance. Everybody who ever saw it could hand it in again, and
// only the log knows that it is a repetition; of what was trimmed it does not know any more.
func (d *Door) fresh(e *wire.Envelope, now time.Time) error {
	topic := e.Topic
	at, known := e.Time()
	until, gone := d.c.Log.Trimmed()
	switch {
	// verification: time-missing
	case !known && (gone || !d.passage.Replaying):
		// Not CodeStale: what is too old is passed over where it comes late, and this may be new.
		return fedmsg.Errorf(fedmsg.CodeBadEnvelope, "the signed message on %s has no timestamp, so that its age at %s cannot be told; sign it anew with the time", topic, clock(now))
	case !known:
		return nil
	// verification: time-from-future
	case d.future(at, now):
		return fedmsg.Errorf(fedmsg.CodeFromFuture, "the message on %s was signed at %s, and it is %s here; at most %s ahead are taken: set the clock that is wrong", topic, clock(at), clock(now), d.c.MaxFuture)
	// verification: time-stale
	case !d.passage.Replaying && at.Before(now.Add(-d.c.MaxAge)):
		return fedmsg.Errorf(fedmsg.CodeStale, "the message on %s was signed at %s, and it is %s here; at most %s ago are taken: set the clock that is wrong, or sign it anew", topic, clock(at), clock(now), d.c.MaxAge)
	// The clock of its publisher may be ahead: it may have been received by so much earlier than it says.
	// verification: time-trimmed
	case gone && !at.Add(-d.c.MaxFuture).After(until):
		return fedmsg.Errorf(fedmsg.CodeStale, "the message on %s was signed at %s, and entries received up to %s are trimmed: it may be one of them; if it is not, sign it anew", topic, clock(at), clock(until))
	}
	return nil
}

// ahead refuses an envelope that says it was made at a time to come.
func (d *Door) ahead(e *wire.Envelope, now time.Time) error {
	if at, known := e.Time(); known && d.future(at, now) {
		return fedmsg.Errorf(fedmsg.CodeFromFuture, "the message on %s says that it was made at %s, and it is %s here; at most %s ahead are taken: set the clock that is wrong", e.Topic, clock(at), clock(now), d.c.MaxFuture)
	}
	return nil
}

// future reports whether a time lies further ahead of the node's clock than the clocks of others may be.
func (d *Door) future(at, now time.Time) bool { return at.After(now.Add(d.c.MaxFuture)) }

// clock writes a time for people who compare clocks.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999Z") }
