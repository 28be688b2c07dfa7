package dump

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// list is the member of an answer of the old archive that has the messages.
const list = "raw_messages"

// document reads the messages of answers of the old archive, one behind the other, and of arrays of envelopes.
type document struct {
	in     *json.Decoder
	inside bool // of an array of messages
	object bool // of an answer, around it
	listed bool // the answer had messages
}

func newDocument(in io.Reader) *document { return &document{in: json.NewDecoder(in)} }

// next gives the bytes of the next message.
func (d *document) next() ([]byte, error) {
	for {
		if d.inside && d.in.More() {
			var raw json.RawMessage
			if err := d.in.Decode(&raw); err != nil {
				return nil, broken(err)
			}
			return raw, nil
		}
		if err := d.find(); err != nil {
			return nil, err
		}
	}
}

// find goes on to the next array of messages, or to the end, which is io.EOF where it is the file's.
func (d *document) find() error {
	t, err := d.in.Token()
	switch {
	case err == io.EOF && !d.inside && !d.object:
		return io.EOF
	case err != nil:
		return broken(err)
	}
	switch {
	case d.inside: // its end
		d.inside = false
	case t == json.Delim('[') && !d.object:
		d.inside = true
	case t == json.Delim('{') && !d.object:
		d.object, d.listed = true, false
	case t == json.Delim('}') && d.object:
		if d.object = false; !d.listed {
			return fedmsg.Errorf(fedmsg.CodeDamaged, "the file has an answer without %s; the old archive's /raw gives them", list)
		}
	case d.object:
		return d.member(t)
	default:
		return fedmsg.Errorf(fedmsg.CodeDamaged, "the file is neither lines of messages nor an answer of the old archive")
	}
	return nil
}

// member goes into the member with the messages, and passes over any other.
func (d *document) member(key json.Token) error {
	if key != list {
		var other json.RawMessage
		if err := d.in.Decode(&other); err != nil {
			return broken(err)
		}
		return nil
	}
	t, err := d.in.Token()
	if err != nil {
		return broken(err)
	}
	if t != json.Delim('[') {
		return fedmsg.Errorf(fedmsg.CodeDamaged, "%s is no array", list)
	}
	d.inside, d.listed = true, true
	return nil
}

// isDocument reports whether the file is of JSON texts over any number of lines, and not of messages of one line each.
func (r *Reader) isDocument() bool {
	begin, _ := r.in.Peek(r.in.Size())
	begin = bytes.TrimLeft(begin, " \t\r\n")
	line, _, whole := bytes.Cut(begin, []byte("\n"))
	line = bytes.TrimSpace(line)
	switch {
	case len(line) == 0 || line[0] == '[':
		return len(line) > 0
	case line[0] != '{':
		return false
	}
	if _, err := r.decoder.Envelope(bytes.Clone(line), wire.Old); err == nil || isEntry(line) {
		return false
	}
	var answer map[string]json.RawMessage
	if json.Unmarshal(line, &answer) == nil {
		return answer[list] != nil
	}
	if whole { // its first line opens what another closes
		return bytes.IndexByte([]byte("{[,"), line[len(line)-1]) >= 0
	}
	return bytes.Contains(line, []byte(`"`+list+`"`)) // a line that is longer than what was looked at
}
