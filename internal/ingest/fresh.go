package ingest

import (
	"math"
	"strconv"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// fresh refuses a signed message whose time is wrong for this entrance. Everybody who ever saw it could hand it in again, and
// only the log knows that it is a repetition; of what was trimmed it does not know any more.
func (d *Door) fresh(topic string, timestamp []byte, now time.Time) error {
	at, known := claimed(timestamp)
	until, gone := d.c.Log.Trimmed()
	switch {
	// verification: time-missing
	case !known && (gone || !d.passage.Replaying):
		return fedmsg.Errorf(fedmsg.CodeStale, "the signed message on %s has no timestamp, so that its age at %s cannot be told; sign it anew with the time", topic, clock(now))
	case !known:
		return nil
	// verification: time-from-future
	case at.After(now.Add(d.c.MaxFuture)):
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

// claimed reads a timestamp as envelopes have it, seconds since 1970. It reports false where there is none.
func claimed(raw []byte) (time.Time, bool) {
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil && !math.IsInf(f, 0) || math.IsNaN(f) {
		return time.Time{}, false
	}
	const year9999 = 253402300799 // what is beyond is as wrong, and cannot be written
	f = max(-year9999, min(year9999, f))
	whole := math.Floor(f)
	return time.Unix(int64(whole), int64((f-whole)*1e9)).UTC(), true
}

// clock writes a time for people who compare clocks.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999Z") }
