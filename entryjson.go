package fedmsg

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendJSON appends the entry as JSON, the same everywhere: {position, seq, received, id, topic, sender, signer, verdict,
// envelope, signatures}, origin when there is one, envelope_base64 in place of envelope where that is not I-JSON, and redacted:true
// with a null envelope where the payload was erased.
// Fields are only ever added. The envelope's bytes stand as they are. The result holds no byte below 0x20.
func (e *Entry) AppendJSON(b []byte) []byte {
	b = append(b, `{"position":"`...)
	b = e.Position.AppendTo(b)
	b = append(b, `","seq":`...)
	b = strconv.AppendUint(b, e.Position.Seq, 10)
	b = append(b, `,"received":"`...)
	b = e.Received.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","id":`...)
	b = AppendJSONString(b, e.ID)
	b = append(b, `,"topic":`...)
	b = AppendJSONString(b, e.Topic)
	b = append(b, `,"sender":`...)
	b = AppendJSONString(b, e.Sender)
	b = append(b, `,"signer":`...)
	b = AppendJSONString(b, e.Signer)
	b = append(b, `,"verdict":`...)
	b = AppendJSONString(b, string(e.Verdict))
	if !e.Origin.IsZero() {
		b = append(b, `,"origin":"`...)
		b = e.Origin.AppendTo(b)
		b = append(b, '"')
	}
	if e.NotIJSON {
		b = append(b, `,"envelope_base64":"`...)
		b = base64.StdEncoding.AppendEncode(b, e.Envelope)
		b = append(b, '"')
	} else if e.Envelope == nil {
		b = append(b, `,"envelope":null`...)
	} else {
		b = append(b, `,"envelope":`...)
		b = append(b, e.Envelope...)
	}
	if e.Redacted {
		b = append(b, `,"redacted":true`...)
	}
	b = append(b, `,"signatures":`...)
	if len(e.Signatures) == 0 {
		b = append(b, '[', ']')
	} else {
		b = append(b, e.Signatures...)
	}
	return append(b, '}')
}

// MarshalJSON gives the form of [Entry.AppendJSON]. Behind it encoding/json changes the envelope's bytes: it takes out white
// space and escapes <, > and &. Where the bytes matter, call AppendJSON.
func (e Entry) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// UnmarshalJSON reads the form of [Entry.AppendJSON]; members it does not know are passed over. It copies what it keeps.
func (e *Entry) UnmarshalJSON(data []byte) error {
	var w struct {
		Position   Position        `json:"position"`
		Received   time.Time       `json:"received"`
		ID         string          `json:"id"`
		Topic      string          `json:"topic"`
		Sender     string          `json:"sender"`
		Signer     string          `json:"signer"`
		Verdict    Verdict         `json:"verdict"`
		Origin     Position        `json:"origin"`
		Envelope   json.RawMessage `json:"envelope"`
		Base64     []byte          `json:"envelope_base64"`
		Redacted   bool            `json:"redacted"`
		Signatures json.RawMessage `json:"signatures"`
	}
	if err := json.Unmarshal(data, &w); err != nil {
		return WrapError(CodeBadJSON, err, "entry is not a JSON object of the known shape")
	}
	*e = Entry{
		Position: w.Position, Received: w.Received.UTC(), ID: w.ID, Topic: w.Topic, Sender: w.Sender, Signer: w.Signer,
		Verdict: w.Verdict, Origin: w.Origin, Envelope: w.Envelope, Signatures: w.Signatures, NotIJSON: w.Base64 != nil,
		Redacted: w.Redacted,
	}
	if w.Base64 != nil {
		e.Envelope = w.Base64
	} else if string(w.Envelope) == "null" {
		e.Envelope = nil
	}
	if s := string(w.Signatures); s == "[]" || s == "null" {
		e.Signatures = nil
	}
	return nil
}

// AppendJSON appends the receipt as one JSON object without white space.
func (r *Receipt) AppendJSON(b []byte) []byte {
	b = append(b, `{"id":`...)
	b = AppendJSONString(b, r.ID)
	b = append(b, `,"position":"`...)
	b = r.Position.AppendTo(b)
	b = append(b, `","seq":`...)
	b = strconv.AppendUint(b, r.Seq, 10)
	b = append(b, `,"received":"`...)
	b = r.Received.AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","duplicate":`...)
	b = strconv.AppendBool(b, r.Duplicate)
	return append(b, '}')
}

// AppendErrorJSON appends what err may show to the other side as {"error":{"code":…,"message":…}}.
func AppendErrorJSON(b []byte, err error) []byte {
	code, text := Public(err)
	b = append(b, `{"error":{"code":`...)
	b = AppendJSONString(b, string(code))
	b = append(b, `,"message":`...)
	b = AppendJSONString(b, text)
	return append(b, '}', '}')
}

// AppendJSONString appends s as a JSON string: quotes, backslashes and bytes below 0x20 are escaped, and bytes that are
// not UTF-8 become U+FFFD, so that the result is I-JSON.
func AppendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		var n int
		b, n = appendJSONRune(b, s[i:])
		i += n
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// appendJSONRune appends the first character of s, which AppendJSONString does not copy as it is, and says how long it was.
func appendJSONRune(b []byte, s string) ([]byte, int) {
	const hex = "0123456789abcdef"
	switch c := s[0]; {
	case c == '"' || c == '\\':
		return append(b, '\\', c), 1
	case c == '\n':
		return append(b, '\\', 'n'), 1
	case c == '\r':
		return append(b, '\\', 'r'), 1
	case c == '\t':
		return append(b, '\\', 't'), 1
	case c < 0x20 || c == 0x7f:
		return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15]), 1
	}
	r, n := utf8.DecodeRuneInString(s)
	return utf8.AppendRune(b, r), n
}
