package wire

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"time"
)

// Draft is what [AppendEnvelope] encodes.
type Draft struct {
	Topic    string
	ID       string // msg_id
	Username string // null on the wire when empty
	Time     int64  // whole seconds since 1970
	I        uint64 // the old counter of the publisher, from 1
	N        uint64 // the counter within Stream, from 1
	Stream   string // random per run of the publisher; stream and n are left out when it is empty
	SeqID    uint64 // the number for the old replay protocol, from 1; left out when it is 0
	Headers  []byte // a compact JSON object; nil for none
	Body     []byte // a compact JSON value
}

// AppendEnvelope appends the envelope of d: compact, keys in canonical order, strings in ASCII as the old system wrote them,
// headers and body as they are given. It holds no byte below 0x20 if these two hold none.
func AppendEnvelope(dst []byte, d *Draft) []byte {
	dst = append(dst, '{')
	if d.Headers != nil {
		dst = append(dst, `"headers":`...)
		dst = append(dst, d.Headers...)
		dst = append(dst, ',')
	}
	dst = append(dst, `"i":`...)
	dst = strconv.AppendUint(dst, d.I, 10)
	dst = append(dst, `,"msg":`...)
	dst = append(dst, d.Body...)
	dst = append(dst, `,"msg_id":`...)
	dst = appendString(dst, d.ID)
	if d.Stream != "" {
		dst = append(dst, `,"n":`...)
		dst = strconv.AppendUint(dst, d.N, 10)
	}
	if d.SeqID != 0 {
		dst = append(dst, `,"seq_id":`...)
		dst = strconv.AppendUint(dst, d.SeqID, 10)
	}
	if d.Stream != "" {
		dst = append(dst, `,"stream":`...)
		dst = appendString(dst, d.Stream)
	}
	dst = append(dst, `,"timestamp":`...)
	dst = strconv.AppendInt(dst, d.Time, 10)
	dst = append(dst, `,"topic":`...)
	dst = appendString(dst, d.Topic)
	dst = append(dst, `,"username":`...)
	if d.Username == "" {
		return append(dst, `null}`...)
	}
	dst = appendString(dst, d.Username)
	return append(dst, '}')
}

// NewID makes a message id: the year of now, in now's own zone, and a random UUID of version 4, in lower case.
func NewID(now time.Time) string {
	var u [16]byte
	rand.Read(u[:]) // never fails
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	id := make([]byte, 0, 41)
	year := now.Year()
	for _, place := range [...]int{1000, 100, 10, 1} {
		id = append(id, byte('0'+year/place%10))
	}
	for i, cut := 0, [...]int{4, 6, 8, 10, 16}; i < len(cut); i++ {
		from := 0
		if i > 0 {
			from = cut[i-1]
		}
		id = append(id, '-')
		id = hex.AppendEncode(id, u[from:cut[i]])
	}
	return string(id)
}
