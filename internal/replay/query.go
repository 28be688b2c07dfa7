package replay

import (
	"slices"
	"strconv"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Query asks for stored messages: those that any one of its fields names. The zero Query names none.
type Query struct {
	All   bool     // every message that is stored
	Seqs  []uint64 // these numbers; after [ParseQuery] in order, each once
	Range Range    // and those between two
	IDs   []string // messages with these ids; after [ParseQuery] in order, each once
	Time  Span     // messages of a time
}

// Range is all numbers from From to To, both included. Where To is less there are none; the zero Range is none either, since
// numbers begin at 1.
type Range struct{ From, To uint64 }

// Empty reports whether no number is in r.
func (r Range) Empty() bool { return r.To < r.From || r.To == 0 }

// Holds reports whether seq is in r.
func (r Range) Holds(seq uint64) bool { return !r.Empty() && r.From <= seq && seq <= r.To }

// Span is the time from From to To, both included, to the microsecond. The zero Span is none.
type Span struct{ From, To time.Time }

// Empty reports whether no time is in s.
func (s Span) Empty() bool { return s.To.Before(s.From) || s == Span{} }

// Holds reports whether t is in s.
func (s Span) Holds(t time.Time) bool { return !s.Empty() && !t.Before(s.From) && !t.After(s.To) }

// Match reports whether the query asks for a message with this number (0: it has none), id and time. It is for queries that
// were parsed.
func (q *Query) Match(seq uint64, id string, at time.Time) bool {
	if q.All || q.Range.Holds(seq) || q.Time.Holds(at) {
		return true
	}
	if _, found := slices.BinarySearch(q.Seqs, seq); found && seq != 0 {
		return true
	}
	_, found := slices.BinarySearch(q.IDs, id)
	return found
}

// AppendQuery appends the request to dst, with as few members as say it: old servers refuse what they do not know.
func AppendQuery(dst []byte, q *Query) []byte {
	dst = append(dst, '{')
	if q.All {
		return append(dst, '}')
	}
	sep := ""
	member := func(name string) {
		dst = append(append(append(dst, sep+`"`...), name...), `":`...)
		sep = ","
	}
	if q.Seqs != nil {
		member("seq_ids")
		dst = appendNumbers(dst, q.Seqs)
	}
	if q.Range != (Range{}) {
		member("seq_id_range")
		dst = appendNumbers(dst, []uint64{q.Range.From, q.Range.To})
	}
	if q.IDs != nil {
		member("msg_ids")
		dst = append(dst, '[')
		for i, id := range q.IDs {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = fedmsg.AppendJSONString(dst, id)
		}
		dst = append(dst, ']')
	}
	if q.Time != (Span{}) {
		member("time")
		dst = append(appendTime(append(dst, '['), q.Time.From), ',')
		dst = append(appendTime(dst, q.Time.To), ']')
	}
	if sep == "" { // {} would ask for everything
		member("seq_ids")
		dst = append(dst, `[]`...)
	}
	return append(dst, '}')
}

// appendNumbers appends a JSON array.
func appendNumbers(dst []byte, numbers []uint64) []byte {
	dst = append(dst, '[')
	for i, n := range numbers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, n, 10)
	}
	return append(dst, ']')
}

// appendTime appends a time in seconds since 1970, with a fraction where there is one.
func appendTime(dst []byte, t time.Time) []byte {
	micro := t.UnixMicro()
	if micro%1e6 == 0 {
		return strconv.AppendInt(dst, micro/1e6, 10)
	}
	return strconv.AppendFloat(dst, float64(micro)/1e6, 'f', 6, 64)
}
