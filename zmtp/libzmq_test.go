package zmtp

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// libzmq is a socket of libzmq in a process of its own.
type libzmq struct {
	*fedmsgtest.Script
	t   *testing.T
	uri string
}

// startLibzmq starts testdata/peer.py. how is bind or connect; the options are NAME=VALUE as zmq.setsockopt has them.
func startLibzmq(t *testing.T, kind SocketType, how, uri string, options ...string) *libzmq {
	t.Helper()
	p := &libzmq{Script: fedmsgtest.StartScript(t, "testdata/peer.py", append([]string{kind.String(), how, uri}, options...)...), t: t}
	p.uri = p.Expect("ready")
	return p
}

// send has it send a message.
func (p *libzmq) send(frames ...string) { p.t.Helper(); p.Do("send %s", hexFrames(frames)) }

// receive has it receive one message.
func (p *libzmq) receive() []string {
	p.t.Helper()
	p.Do("recv 1")
	var m []string
	for word := range strings.FieldsSeq(p.Expect("got")) {
		b, err := hex.DecodeString(strings.TrimPrefix(word, "-"))
		if err != nil {
			p.t.Fatal(err)
		}
		m = append(m, string(b))
	}
	return m
}

func hexFrames(frames []string) string {
	words := make([]string, len(frames))
	for i, f := range frames {
		if words[i] = hex.EncodeToString([]byte(f)); f == "" {
			words[i] = "-"
		}
	}
	return strings.Join(words, " ")
}
