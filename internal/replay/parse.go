package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"time"
)

// The bounds of one request.
const (
	MaxQuery = 1 << 20 // bytes
	MaxIDs   = 10_000  // seq_ids and msg_ids together
)

// ParseQuery reads a request. The error is an [Error] with the sentence that goes into the answer: that of the old server, for
// the first member that is wrong, where it had one.
func ParseQuery(frame []byte) (Query, error) {
	if len(frame) > MaxQuery {
		return Query{}, Error("The query is longer than " + strconv.Itoa(MaxQuery) + " bytes")
	}
	names, values, err := members(frame)
	if err != nil {
		return Query{}, err
	}
	q := Query{All: len(names) == 0}
	for _, name := range names {
		if err := q.member(name, values[name]); err != nil {
			return Query{}, err
		}
		if len(q.Seqs)+len(q.IDs) > MaxIDs {
			return Query{}, ErrTooMany
		}
	}
	slices.Sort(q.Seqs)
	q.Seqs = slices.Compact(q.Seqs)
	slices.Sort(q.IDs)
	q.IDs = slices.Compact(q.IDs)
	return q, nil
}

// members reads the object. The old server took the last of two members of one name, at the place of the first.
func members(frame []byte) (names []string, values map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(frame))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, ErrNotObject
	}
	values = make(map[string]any)
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, nil, ErrNotObject
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return nil, nil, ErrNotObject
		}
		if _, again := values[name]; !again {
			names = append(names, name)
		}
		values[name] = value
	}
	if t, err := d.Token(); err != nil || t != json.Delim('}') {
		return nil, nil, ErrNotObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, ErrNotObject
	}
	return names, values, nil
}

// member adds what one member names.
func (q *Query) member(name string, value any) error {
	ok := true
	switch name {
	case "seq_id":
		ok = q.addSeq(value)
	case "seq_ids":
		ok = each(value, q.addSeq)
	case "msg_id":
		ok = q.addID(value)
	case "msg_ids":
		ok = each(value, q.addID)
	case "seq_id_range":
		pair, isPair := value.([]any)
		if !isPair || len(pair) != 2 {
			return Error(`Ill-format "sed_id_range" field`) // the old server's word, and clients may look for it
		}
		q.Range, ok = rangeOf(pair)
	case "time":
		pair, isPair := value.([]any)
		if !isPair || len(pair) != 2 {
			return Error(`Ill-format "time" field`)
		}
		q.Time, ok = spanOf(pair)
	default:
		return Error(`Unsupported field: "key"`) // the old server said key, whatever the field was
	}
	if !ok {
		return Error(`Something went wrong when processing the field "` + name + `"`)
	}
	return nil
}

// each calls add for each element of a list.
func each(value any, add func(any) bool) bool {
	list, ok := value.([]any)
	if !ok {
		return false
	}
	for _, element := range list {
		if !add(element) {
			return false
		}
	}
	return true
}

// addSeq takes a number, or one in a string, as the old server's database did. Any other scalar is no message's number.
func (q *Query) addSeq(value any) bool {
	if n, ok := whole(value); ok && n > 0 {
		q.Seqs = append(q.Seqs, uint64(n))
	}
	return scalar(value)
}

// addID takes an id. Any other scalar is no message's id.
func (q *Query) addID(value any) bool {
	if id, ok := value.(string); ok {
		q.IDs = append(q.IDs, id)
	}
	return scalar(value)
}

// scalar reports whether a JSON value is neither a list nor an object.
func scalar(value any) bool {
	switch value.(type) {
	case []any, map[string]any:
		return false
	}
	return true
}

// rangeOf reads both ends of seq_id_range.
func rangeOf(pair []any) (Range, bool) {
	from, ok1 := whole(pair[0])
	to, ok2 := whole(pair[1])
	return Range{From: uint64(max(from, 1)), To: uint64(max(to, 0))}, ok1 && ok2
}

// whole reads a whole number; 2.0 is one, and so is "2".
func whole(value any) (int64, bool) {
	var text string
	switch v := value.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(text, 64)
	return int64(f), err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53
}

// spanOf reads both ends of time.
func spanOf(pair []any) (Span, bool) {
	from, ok1 := instant(pair[0])
	to, ok2 := instant(pair[1])
	return Span{From: from, To: to}, ok1 && ok2
}

// instant reads seconds since 1970 to the microsecond, of the years that the old server's dates could be of.
func instant(value any) (time.Time, bool) {
	n, ok := value.(json.Number)
	f, err := n.Float64()
	const year10000 = 253402300800
	if !ok || err != nil || math.Abs(f) >= year10000 {
		return time.Time{}, false
	}
	return time.UnixMicro(int64(math.Round(f * 1e6))).UTC(), true
}
