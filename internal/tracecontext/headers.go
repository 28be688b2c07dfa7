package tracecontext

import (
	"bytes"
	"encoding/json"

	"github.com/federated-messaging/fedmsg"
)

// AppendTo gives the headers of a message with the trace among them. Headers is a compact JSON object of strings, or nil, and
// is not changed. It is given back as it is where it has a trace of its own, which is nearer to the message, or where it would
// have more than so many members.
func (c Context) AppendTo(headers []byte, most int) []byte {
	if c.IsZero() {
		return headers
	}
	count, own, ok := count(headers)
	added := 1
	if c.State != "" {
		added = 2
	}
	if !ok || own || count+added > most {
		return headers
	}
	out := make([]byte, 0, len(headers)+len(c.Parent)+len(c.State)+2*len(HeaderParent)+16)
	if count == 0 {
		out = append(out, '{')
	} else {
		out = append(append(out, headers[:len(headers)-1]...), ',')
	}
	out = append(append(append(out, `"`+HeaderParent+`":"`...), c.Parent...), '"') // it has nothing to escape
	if c.State != "" {
		out = append(out, `,"`+HeaderState+`":`...)
		out = fedmsg.AppendJSONString(out, c.State)
	}
	return append(out, '}')
}

// count tells how many members an object has, whether one of them is a header of a trace, and whether it can be read.
func count(object []byte) (n int, own, ok bool) {
	if len(object) == 0 {
		return 0, false, true
	}
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return 0, false, false
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return 0, false, false
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return 0, false, false
		}
		if text, isText := name.(string); isText && IsHeader(text) {
			own = true
		}
		n++
	}
	return n, own, true
}
