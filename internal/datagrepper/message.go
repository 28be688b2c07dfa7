package datagrepper

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/jsonwalk"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// appendMessage appends a message in the shape that was asked for.
func (q *request) appendMessage(b []byte, row *archive.Row) []byte {
	envelope := row.Entry.Envelope
	if restored, ok := wire.AppendRestored(nil, envelope); ok {
		envelope = restored
	}
	switch {
	case row.Redaction != nil || len(envelope) == 0:
		b = q.appendRedacted(b, row)
	case row.Entry.NotIJSON:
		b = q.appendBare(b, row)
		b = append(b, `,"envelope_base64":"`...)
		b = append(base64.StdEncoding.AppendEncode(b, envelope), `"}`...)
	case q.v2:
		b = appendV2(b, row, envelope)
	default:
		b = append(b, bytes.TrimSpace(envelope)...)
	}
	if len(q.meta) > 0 {
		b = append(b[:len(b)-1], `,"meta":`...)
		b = append(q.appendMeta(b, row), '}')
	}
	return b
}

// appendBare appends what is known of a message without its envelope, and leaves the object open.
func (q *request) appendBare(b []byte, row *archive.Row) []byte {
	id := `{"msg_id":`
	if q.v2 {
		id = `{"id":`
	}
	b = fedmsg.AppendJSONString(append(b, id...), row.Entry.ID)
	b = fedmsg.AppendJSONString(append(b, `,"topic":`...), row.Entry.Topic)
	return strconv.AppendInt(append(b, `,"timestamp":`...), row.Entry.Received.Unix(), 10)
}

// appendRedacted appends what is left of a message whose payload was erased: who did it, and why.
func (q *request) appendRedacted(b []byte, row *archive.Row) []byte {
	b = append(q.appendBare(b, row), `,"redacted":true`...)
	if row.Redaction != nil {
		if told, err := json.Marshal(row.Redaction); err == nil {
			b = append(append(b, `,"redaction":`...), told...)
		}
	}
	return append(b, '}')
}

// appendV2 appends a message in the shape of fedora-messaging. Its time is in a header there, and is added where that is missing.
func appendV2(b []byte, row *archive.Row, envelope []byte) []byte {
	body, headers := jsonwalk.Member(envelope, "msg"), jsonwalk.Member(envelope, "headers")
	if len(headers) == 0 || headers[0] != '{' {
		headers = []byte(`{}`)
	}
	if len(body) == 0 {
		body = []byte("null")
	}
	b = append(append(b, `{"body":`...), body...)
	b = append(append(b, `,"headers":`...), headers...)
	if jsonwalk.Member(headers, "sent-at") == nil {
		b = bytes.TrimRight(b[:len(b)-1], " ")
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(sentAt(row).AppendFormat(append(b, `"sent-at":"`...), "2006-01-02T15:04:05-07:00"), `"}`...)
	}
	b = fedmsg.AppendJSONString(append(b, `,"id":`...), row.Entry.ID)
	b = append(b, `,"priority":`...)
	if n, err := strconv.Atoi(text(jsonwalk.Member(headers, "priority"))); err == nil {
		b = strconv.AppendInt(b, int64(n), 10)
	} else {
		b = append(b, "null"...)
	}
	b = fedmsg.AppendJSONString(append(b, `,"queue":null,"topic":`...), row.Entry.Topic)
	return append(b, '}')
}

// text is a text or number of JSON as a text.
func text(raw []byte) string {
	if len(raw) >= 2 && raw[0] == '"' {
		return jsonwalk.Unquote(raw[1 : len(raw)-1])
	}
	return string(raw)
}

// sentAt is when a message was made, as it says itself; where it does not, when it came.
func sentAt(row *archive.Row) time.Time {
	if t, ok := wire.TimeOf(row.Entry.Envelope); ok {
		return t.UTC()
	}
	return row.Entry.Received.UTC()
}
