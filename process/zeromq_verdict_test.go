package process

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// said is what stands in a message as it is handed in over HTTP: a submission, an envelope, or either's DSSE.
type said struct {
	Topic, ID, Payload string
	MsgID              string `json:"msg_id"`
	Msg, Signatures    json.RawMessage
}

// read takes a message apart; envelope is what its signatures cover, if it is DSSE.
func readSaid(t *testing.T, line []byte) (s said, envelope []byte) {
	t.Helper()
	var dsse struct {
		Payload    []byte          `json:"payload"`
		Signatures json.RawMessage `json:"signatures"`
	}
	if err := json.Unmarshal(line, &dsse); err != nil {
		t.Fatal(err)
	}
	if envelope = dsse.Payload; envelope == nil {
		envelope = line
	}
	if err := json.Unmarshal(envelope, &s); err != nil {
		t.Fatal(err)
	}
	s.Signatures = dsse.Signatures
	if s.ID == "" {
		s.ID = s.MsgID
	}
	return s, envelope
}

// publishAll publishes each message in the form of frames that can carry it, and finds out what became of it: nobody answers.
func (p *oldPeer) publishAll(n *fedmsgtest.Node, kind string, lines [][]byte) []fedmsg.Outcome {
	p.t.Helper()
	p.settle(n, kind)
	all := make([]fedmsg.Outcome, len(lines))
	for i, line := range lines {
		before := refusals(p.t, n, kind)
		s, envelope := readSaid(p.t, line)
		switch {
		case s.MsgID == "":
			p.send(s.Topic, "FEDPUB1", `{"fedmsg-id":"`+s.ID+`"}`, string(s.Msg))
		case s.Signatures != nil:
			p.send(s.Topic, "FEDMSG2", string(envelope), string(s.Signatures))
		default:
			p.send(s.Topic, string(envelope))
		}
		await(p.t, "what became of "+s.ID, func() bool {
			if status, _, err := n.Get(p.t.Context(), "/v1/messages/"+s.ID); err == nil && status == http.StatusOK {
				return true
			}
			for code, count := range refusals(p.t, n, kind) {
				if count > before[code] {
					all[i].Err = fedmsg.Errorf(code, "counted")
				}
			}
			return all[i].Err != nil
		})
	}
	return all
}

// settle waits until what the publisher said before was taken or refused: by something behind it that every node refuses.
func (p *oldPeer) settle(n *fedmsgtest.Node, kind string) {
	p.t.Helper()
	before := refusals(p.t, n, kind)[fedmsg.CodeBadTopic]
	p.send("org.example.here", `{"topic":"org.example.there","msg":{},"msg_id":"settled"}`)
	await(p.t, "what was said before", func() bool { return refusals(p.t, n, kind)[fedmsg.CodeBadTopic] > before })
}

// refusals gives how many messages were refused at a kind of endpoint, by the reason.
func refusals(t *testing.T, n *fedmsgtest.Node, kind string) map[fedmsg.Code]float64 {
	t.Helper()
	all := map[fedmsg.Code]float64{}
	for row, value := range metrics(t, n) {
		if _, rest, is := strings.Cut(row, `kind="`+kind+`",reason="`); is && strings.HasPrefix(row, "fedmsg_zeromq_refused_total{") {
			code, _, _ := strings.Cut(rest, `"`)
			all[fedmsg.Code(code)] += value
		}
	}
	return all
}

// submitAll submits what can be submitted, and passes over envelopes.
func submitAll(t *testing.T, n *fedmsgtest.Node, lines [][]byte) []fedmsg.Outcome {
	t.Helper()
	p := startPeer(t, "REQ", submitSocket(n), "RCVTIMEO=30000")
	all := make([]fedmsg.Outcome, len(lines))
	for i, line := range lines {
		s, _ := readSaid(t, line)
		if s.MsgID != "" {
			continue
		}
		if got := askSubmit(t, p, s.Topic, `{"fedmsg-id":"`+s.ID+`"}`, string(s.Msg)); got.Code != "" {
			all[i].Err = fedmsg.Errorf(fedmsg.Code(got.Code), "%s", *got.Reason)
		}
	}
	return all
}
