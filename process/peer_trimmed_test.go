package process

import (
	"crypto"
	"fmt"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestPeerPushesWhatIsTrimmed has signed messages that waited two hours, and a destination that lets in what waited and has trimmed its
// log since: it may have had them, and will never take them. The sink passes them over, each with a remark, and gives what is new.
func TestPeerPushesWhatIsTrimmed(t *testing.T) {
	t.Parallel()
	k := &trustKit{dir: t.TempDir(), keys: map[string]crypto.Signer{}}
	k.makeBare(t)
	trust := fmt.Sprintf("[[trust]]\nname = \"bts\"\nkeys = [%q]\ntopics = [\"org.example.dev.bts.#\"]\n", k.path("good.pem"))
	p := newPeers(t, []string{"a", "b"}, func(name string) string {
		if name == "a" {
			return "[[sink]]\nname = \"b\"\nto = \"{b}\"\nstart = \"beginning\"\ntopics = [\"#\"]\n" + trust
		}
		return "[log]\nsegment_bytes = \"64KiB\"\nmax_bytes = \"1MiB\"\n[verification]\nmax_future = \"0s\"\n" + trust
	})
	p.start("b")
	trimFirst(t, p.nodes["b"])
	p.start("a")
	const old = 3
	for i := range old {
		line, _ := k.message(t, verdictRow{form: "dsse", kind: "stale"}, fmt.Sprintf("late-%d", i))
		p.post("a", "/v1/messages?replaying=1", line)
	}
	p.until("the sink is past what the other node has trimmed", func() bool { return p.sinks("a")[0].Remarked == old })
	fresh := 0
	p.until("what is made behind that arrives", func() bool { // as soon as its time, in whole seconds, is behind that of the trimming
		p.publishOn("a", "fresh", fresh)
		fresh++
		return kinds(p.nodes["b"].ReadAll(t))["fresh"] > 0
	})
	if n := kinds(p.nodes["b"].ReadAll(t))["late"]; n != 0 {
		t.Errorf("the other node took %d messages that are older than what it has trimmed", n)
	}
	if d := p.dead("a"); len(d) != 0 {
		t.Errorf("there are dead letters: %+v", d)
	}
	for i := range old {
		d := sinksOf(t, p.nodes["a"], fmt.Sprintf("late-%d", i)).Sinks[0]
		if d.State != fedmsg.DeliveryDelivered || !strings.Contains(d.Reason, "passes it over") || !strings.Contains(d.Reason, "trimmed") {
			t.Errorf("of late-%d is told %+v", i, d)
		}
	}
}

// trimFirst publishes until retention has removed something.
func trimFirst(t *testing.T, n *fedmsgtest.Node) {
	t.Helper()
	for i := 0; n.Log(t).First < 2; i++ {
		if _, err := n.Publish(t.Context(), heavy(fmt.Sprintf("filling-%d", i), i, 30<<10)); err != nil || i > 1000 {
			t.Fatalf("retention removes nothing behind %d messages: %v", i, err)
		}
	}
}

// publishOn publishes a message of a kind, which must be accepted.
func (p *peers) publishOn(name, kind string, n int) {
	p.t.Helper()
	if _, err := p.nodes[name].Publish(p.t.Context(), on(kind, n)); err != nil {
		p.t.Fatal(err)
	}
}
