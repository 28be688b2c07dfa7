package deadletter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Letter is one message that was given up. As JSON it is what GET /v1/dead shows.
type Letter struct {
	Number   uint64      `json:"number"` // names it within its store; set by Add
	Of       string      `json:"of"`     // the name of the sink or source
	Kind     string      `json:"kind"`   // KindSink or KindSource
	Time     time.Time   `json:"time"`   // when it was given up; UTC
	Code     fedmsg.Code `json:"code"`
	Reason   string      `json:"reason"`             // a sentence
	Attempts int         `json:"attempts,omitempty"` // how often it was tried

	Clipped bool `json:"clipped,omitempty"` // what it holds was too large to be kept: it cannot be tried again
	Left    bool `json:"left,omitempty"`    // set by Left: its sink or source is not configured any more, and it cannot be tried again

	Topic string        `json:"topic"`
	ID    string        `json:"id,omitempty"`
	Entry *fedmsg.Entry `json:"entry,omitempty"` // of a sink: what was to be delivered

	// Of a source: what came, as far as it could be read.

	Username   string          `json:"username,omitempty"`
	Headers    json.RawMessage `json:"headers,omitempty"`
	Body       []byte          `json:"body,omitempty"` // in base64
	Envelope   []byte          `json:"envelope,omitempty"`
	Signatures json.RawMessage `json:"signatures,omitempty"`
	Origin     fedmsg.Position `json:"origin,omitzero"`
}

// The kinds of letters.
const (
	KindSink   = "sink"
	KindSource = "source"
)

// maxReason and maxName bound what a letter's first line takes from outside.
const (
	maxReason = 8 << 10
	maxName   = 4 << 10
)

// head is the first line of a letter's file: the letter without its contents, which List reads, and what the index holds.
type head struct {
	Letter
	Entry fedmsg.Position `json:"entry_position,omitzero"` // hides Letter.Entry
}

// contents is the second line. All that must come back to the byte is in base64: encoding/json changes what it passes on.
type contents struct {
	Entry      json.RawMessage `json:"entry,omitempty"` // without its envelope
	Of         []byte          `json:"entry_envelope,omitempty"`
	Detached   []byte          `json:"entry_signatures,omitempty"`
	Made       bool            `json:"made,omitempty"`
	Headers    []byte          `json:"headers,omitempty"`
	Body       []byte          `json:"body,omitempty"`
	Envelope   []byte          `json:"envelope,omitempty"`
	Signatures []byte          `json:"signatures,omitempty"`
	Origin     fedmsg.Position `json:"origin,omitzero"`
}

// bare is the letter without its contents, clipped to what its first line may hold.
func (l *Letter) bare() Letter {
	b := *l
	b.Entry, b.Headers, b.Body, b.Envelope, b.Signatures, b.Origin = nil, nil, nil, nil, nil, fedmsg.Position{}
	b.Reason, b.Topic, b.ID, b.Username = clip(b.Reason, maxReason), clip(b.Topic, maxName), clip(b.ID, maxName), clip(b.Username, maxName)
	return b
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}

// position is where the entry of the letter stands; zero without one.
func (l *Letter) position() fedmsg.Position {
	if l.Entry == nil {
		return fedmsg.Position{}
	}
	return l.Entry.Position
}

// encode gives the bytes of the letter's file, which has at most so many; beyond them the contents are left out.
func (l *Letter) encode(most int64) ([]byte, error) {
	c := contents{Headers: l.Headers, Body: l.Body, Envelope: l.Envelope, Signatures: l.Signatures, Origin: l.Origin}
	if e := l.Entry; e != nil {
		short := *e
		short.Envelope, short.Signatures = nil, nil
		c.Entry, c.Of, c.Detached, c.Made = short.AppendJSON(nil), e.Envelope, e.Signatures, e.Made
	}
	first, err := json.Marshal(head{Letter: l.bare(), Entry: l.position()})
	if err != nil {
		return nil, err
	}
	second, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	if int64(len(first)+len(second)) <= most {
		return append(append(append(first, '\n'), second...), '\n'), nil
	}
	b := l.bare()
	b.Clipped = true
	b.Reason += fmt.Sprintf("; what it holds, %d bytes, has no room among the dead letters and is not kept", len(second))
	first, err = json.Marshal(head{Letter: b, Entry: l.position()})
	return append(first, "\n{}\n"...), err
}

// decode reads a letter's file.
func decode(data []byte) (l Letter, err error) {
	first, second, _ := bytes.Cut(data, []byte("\n"))
	h, err := decodeHead(first)
	if err != nil {
		return l, err
	}
	var c contents
	if err := json.Unmarshal(second, &c); err != nil {
		return l, err
	}
	l = h.Letter
	l.Headers, l.Body, l.Envelope, l.Signatures, l.Origin = c.Headers, c.Body, c.Envelope, c.Signatures, c.Origin
	if len(l.Signatures) > 0 && !json.Valid(l.Signatures) {
		l.Signatures = fedmsg.AppendJSONString(nil, string(l.Signatures)) // no door takes them, as text or as they are
	}
	if c.Entry != nil {
		l.Entry = new(fedmsg.Entry)
		if err := json.Unmarshal(c.Entry, l.Entry); err != nil {
			return l, err
		}
		l.Entry.Envelope, l.Entry.Signatures, l.Entry.Made = c.Of, c.Detached, c.Made
	}
	return l, nil
}

func decodeHead(line []byte) (h head, err error) {
	err = json.Unmarshal(line, &h)
	return h, err
}
