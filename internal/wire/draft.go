package wire

import "time"

// Draft is what [AppendEnvelope] encodes.
type Draft struct {
	Topic    string
	ID       string // msg_id
	Username string // null on the wire when empty
	Time     int64  // whole seconds since 1970
	I        uint64 // the old counter of the publisher, from 1
	N        uint64 // the counter within Stream, from 1
	Stream   string // random per run of the publisher; stream and n are left out when it is empty
	Headers  []byte // a compact JSON object; nil for none
	Body     []byte // a compact JSON value
}

// AppendEnvelope appends the envelope of d: compact, keys in canonical order, strings in ASCII as the old system wrote them,
// headers and body as they are given. It holds no byte below 0x20 if these two hold none.
func AppendEnvelope(dst []byte, d *Draft) []byte {
	panic("not yet")
}

// NewID makes a message id: the year of now, in now's own zone, and a random UUID, as in 2026-7f1c….
func NewID(now time.Time) string {
	panic("not yet")
}
