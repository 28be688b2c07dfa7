package zeromq

import (
	"fmt"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestFormats: each format as libzmq receives it, to the byte.
func TestFormats(t *testing.T) {
	t.Parallel()
	n := startNode(t, 0, func(c *Config, _ *Deps) {
		for _, f := range []string{"fedmsg1", "fedpub1", "fedmsg2"} {
			c.Publish = append(c.Publish, "tcp://127.0.0.1:0?format="+f)
		}
	})
	var subs []*pythonSub
	for i := range 3 {
		subs = append(subs, startSub(t, n.addr(i), "0", "-"))
		n.subscriptions(i, 1)
	}
	n.publish(
		fedmsg.Entry{Topic: "org.example.a", ID: "2026-x", Envelope: []byte(`{"headers":{"a":"b"},"msg":{"k":1},"msg_id":"2026-x","topic":"org.example.a"}`), Signatures: []byte(`[{"keyid":"k","sig":"s"}]`)},
		fedmsg.Entry{Topic: "org.example.b", ID: "i\"2", Envelope: []byte(`{"headers":{"fedmsg-id":"other"},"msg":{},"topic":"org.example.b"}`)},
		fedmsg.Entry{Topic: "old.c", Envelope: []byte(`{"msg":[1,NaN],"topic":"old.c"}`), NotIJSON: true},
		fedmsg.Entry{Topic: "old.d", Envelope: []byte(`{"headers":7,"msg":{"x":"é"},"topic":"old.d"}`)},
	)
	want := [3][]string{
		{
			`org.example.a|{"headers":{"a":"b"},"msg":{"k":1},"msg_id":"2026-x","topic":"org.example.a"}`,
			`org.example.b|{"headers":{"fedmsg-id":"other"},"msg":{},"topic":"org.example.b"}`,
			`old.c|{"msg":[1,NaN],"topic":"old.c"}`,
			`old.d|{"headers":7,"msg":{"x":"é"},"topic":"old.d"}`,
		},
		{
			`org.example.a|FEDPUB1|{"fedmsg-id":"2026-x","a":"b"}|{"k":1}`,
			`org.example.b|FEDPUB1|{"fedmsg-id":"i\"2"}|{}`,
			`old.d|FEDPUB1|{"fedmsg-id":"id-4"}|{"x":"é"}`,
		},
		{
			`org.example.a|FEDMSG2|{"headers":{"a":"b"},"msg":{"k":1},"msg_id":"2026-x","topic":"org.example.a"}|[{"keyid":"k","sig":"s"}]`,
			`org.example.b|FEDMSG2|{"headers":{"fedmsg-id":"other"},"msg":{},"topic":"org.example.b"}|[]`,
			`old.c|FEDMSG2|{"msg":[1,NaN],"topic":"old.c"}|[]`,
			`old.d|FEDMSG2|{"headers":7,"msg":{"x":"é"},"topic":"old.d"}|[]`,
		},
	}
	for i, s := range subs {
		for k, w := range want[i] {
			if got := joined(s.next()); got != w {
				t.Errorf("format %d, message %d: got\n%s\nwant\n%s", i, k, got, w)
			}
		}
	}
	if text := fmt.Sprint(n.server.Checks()); !strings.Contains(text, "4 messages had no embedded signature") || !strings.Contains(text, "1 messages could not be said") {
		t.Errorf("health says %s", text)
	}
}

func joined(frames [][]byte) string {
	texts := make([]string, len(frames))
	for i, f := range frames {
		texts[i] = string(f)
	}
	return strings.Join(texts, "|")
}
