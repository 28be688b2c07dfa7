package feed

import (
	"sync"

	"github.com/federated-messaging/fedmsg"
)

// Item is an entry on its way to a reader. What comes from the ring shares one encoding among all its readers, made when
// the first of them asks; what comes from the log is encoded into the reader's buffer. An Item is valid for ever.
type Item struct {
	Entry  *fedmsg.Entry
	shared *shared // nil when the entry came from the log
}

// AppendJSON appends the entry as [fedmsg.Entry.AppendJSON] does.
func (i Item) AppendJSON(b []byte) []byte {
	if i.shared == nil {
		return i.Entry.AppendJSON(b)
	}
	text, json := i.shared.encoded()
	return append(b, text[json:len(text)-2]...)
}

// AppendLine appends the entry as JSON and a newline.
func (i Item) AppendLine(b []byte) []byte {
	if i.shared == nil {
		return append(i.Entry.AppendJSON(b), '\n')
	}
	text, json := i.shared.encoded()
	return append(b, text[json:len(text)-1]...)
}

// AppendEvent appends the entry as a server-sent event: id is its position, if it has one, event is message, data its JSON.
func (i Item) AppendEvent(b []byte) []byte {
	if i.shared == nil {
		return append(i.Entry.AppendJSON(appendEventHead(b, i.Entry)), '\n', '\n')
	}
	text, _ := i.shared.encoded()
	return append(b, text...)
}

// appendEventHead appends what stands before the JSON in a server-sent event.
func appendEventHead(b []byte, e *fedmsg.Entry) []byte {
	if !e.Position.IsZero() { // an empty id would make the reader forget where it stands
		b = append(b, "id: "...)
		b = append(e.Position.AppendTo(b), '\n')
	}
	return append(b, "event: message\ndata: "...)
}

// shared is one entry of the ring. Its encoding is a server-sent event, of which every other form is a part.
type shared struct {
	entry *fedmsg.Entry
	cost  int // that counts in the ring
	once  sync.Once
	text  []byte // guarded by once
	json  int    // where the JSON begins in text; guarded by once
}

// encoded gives the event and where its JSON begins; the JSON ends two bytes before the end.
func (s *shared) encoded() ([]byte, int) {
	s.once.Do(s.encode)
	return s.text, s.json
}

func (s *shared) encode() {
	b := make([]byte, 0, encodedSize(s.entry))
	b = appendEventHead(b, s.entry)
	s.json = len(b)
	s.text = append(s.entry.AppendJSON(b), '\n', '\n')
}

// encodedSize estimates the encoding from above, so that it is made in one allocation.
func encodedSize(e *fedmsg.Entry) int {
	n := len(e.Envelope)
	if e.NotIJSON {
		n += n/3 + 4
	}
	return n + len(e.Topic) + len(e.ID) + len(e.Sender) + len(e.Signer) + len(e.Verdict) + len(e.Signatures) + 320
}
