package zeromq

import (
	"bytes"
	"encoding/json"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// The words of the publishing service of 2017.
const (
	submitVersion  = "FSUBMIT1"
	replyMalformed = "ERROR_MALFORMED"
)

// request is one submission and the way back to its submitter.
type request struct {
	back  [][]byte // frames in front of the answer, the last one empty
	parts [][]byte // topic, headers and body; nil where it is malformed
}

// malformed is why a request is answered with replyMalformed.
func malformed() error {
	return fedmsg.Errorf(fedmsg.CodeBadRequest, "a submission is FSUBMIT1, topic, headers and body")
}

// parseRequest takes a request apart. False says that no answer would reach its sender.
func parseRequest(m zmtp.Message) (q request, ok bool) {
	for i, frame := range m {
		if len(frame) > 0 {
			continue
		}
		q.back = m[:i+1]
		if rest := m[i+1:]; len(rest) == 4 && string(rest[0]) == submitVersion {
			q.parts = rest[1:]
		}
		return q, true
	}
	return request{}, false
}

// append appends an answer.
func (q *request) append(b []byte, text []byte) []byte {
	frames := append(q.back[:len(q.back):len(q.back)], []byte(submitVersion), text)
	return zmtp.AppendMessage(b, frames...)
}

// appendMalformed appends the answer to what is no submission.
func (q *request) appendMalformed(b []byte) []byte { return q.append(b, []byte(replyMalformed)) }

// appendResult appends the answer that tells what became of the submission: a list, as there might be several publishers behind
// the socket, with the one that this node is.
func (q *request) appendResult(b []byte, publisher string, o *fedmsg.Outcome) []byte {
	text := fedmsg.AppendJSONString([]byte(`[{"publisher":`), publisher)
	if o.Err != nil {
		code, reason := fedmsg.Public(o.Err)
		text = fedmsg.AppendJSONString(append(text, `,"result":"failure","reason":`...), reason)
		text = fedmsg.AppendJSONString(append(text, `,"code":`...), string(code))
	} else {
		text = fedmsg.AppendJSONString(append(text, `,"result":"success","reason":null,"fedmsg-id":`...), o.Receipt.ID)
		text = fedmsg.AppendJSONString(append(text, `,"position":`...), o.Receipt.Position.String())
	}
	return q.append(b, append(text, "}]"...))
}

// unknownFate is the answer to a submission of which it is not known whether it will be stored, with what its sender can do.
func unknownFate(parts [][]byte, inside error) error {
	const text = "this node cannot tell in time whether the message is stored: it may or may not be; "
	if hasID(parts[1]) {
		return fedmsg.WrapError(fedmsg.CodeTimeout, inside, text+"send it again with the same "+wire.IDHeader+", which stores it once")
	}
	return fedmsg.WrapError(fedmsg.CodeTimeout, inside, text+"with the header "+wire.IDHeader+" it could be sent again without being stored twice")
}

// hasID reports whether the headers name the message.
func hasID(headers []byte) bool {
	var h map[string]json.RawMessage
	return len(bytes.TrimSpace(headers)) > 0 && json.Unmarshal(headers, &h) == nil && h[wire.IDHeader] != nil
}
