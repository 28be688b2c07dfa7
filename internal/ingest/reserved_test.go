package ingest

import (
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// redactions makes a door for which topics that end in .redact are reserved, and signer ok:bts may redact.
func redactions(log *memLog, mode fedmsg.VerifyMode) *Door {
	return newDoor(log, func(c *Config) {
		c.Verify, c.Signer = mode, &fakeSigner{}
		c.Reserved = func(topic string) bool { return strings.HasSuffix(topic, ".redact") }
		c.Redactor = func(signer string) bool { return signer == "bts" }
	})
}

// TestReserved holds that nothing gets onto a topic of redactions but what a signer said who may, whoever hands it in, however many
// come with it and whatever the door asks of signatures; and that other topics are as they were.
func TestReserved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ line, require, off string }{
		"submission":             {`{"topic":"node.redact","msg":{}}`, "forbidden", "forbidden"},
		"submission, not signed": {`{"topic":"a.redact","msg":{}}`, "forbidden", "forbidden"},
		"unsigned":               {plain("node.redact", "x"), "unsigned", "forbidden"},
		"with a certificate":     {`{"topic":"node.redact","msg":{},"msg_id":"x","certificate":"x"}`, "unsigned", "forbidden"},
		"of who may":             {signed("a.redact", "x", "ok:bts"), "as ok bts", "forbidden"},
		"of who may, detached":   {detached(plain("a.redact", "x"), "ok:bts"), "as ok bts", "forbidden"},
		"of who may, elsewhere":  {signed("a.redact", "x", "topic_not_covered:bts"), "forbidden", "forbidden"},
		"of another":             {signed("a.redact", "x", "ok:wiki"), "forbidden", "forbidden"},
		"of nobody":              {signed("a.redact", "x", "ok:"), "forbidden", "forbidden"},
		"other topic":            {signed("a.redacted", "x", "ok:wiki"), "as ok wiki", "as unchecked"},
	} {
		for _, mode := range []fedmsg.VerifyMode{fedmsg.VerifyRequire, fedmsg.VerifyIfSigned, fedmsg.VerifyInsecureOff} {
			want := c.require
			if mode == fedmsg.VerifyInsecureOff {
				want = c.off
			}
			log := newMemLog()
			d := redactions(log, mode)
			if got := stored(log, accept(t, d, c.line)[0]); got != want {
				t.Errorf("%s, %s: %s, want %s", name, mode, got, want)
			}
			log.clear()
			many := []string{c.line}
			for range 2 * few {
				many = append(many, `{"topic":"node.b","msg":{}}`)
			}
			if got := stored(log, accept(t, d, many...)[0]); got != want {
				t.Errorf("%s, %s, among others: %s, want %s", name, mode, got, want)
			}
		}
	}
}

// TestRedactsPassage holds that the passage for redactions takes these from whoever asks, signs them whatever the door asks of
// signatures, takes nothing else, and nothing that the node would not sign.
func TestRedactsPassage(t *testing.T) {
	t.Parallel()
	nobody := fedmsg.Sender{Kind: fedmsg.SenderUID, Name: "1000"}
	for _, mode := range []fedmsg.VerifyMode{fedmsg.VerifyRequire, fedmsg.VerifyIfSigned, fedmsg.VerifyInsecureOff} {
		for line, want := range map[string]string{
			`{"topic":"node.redact","msg":{}}`: "as ok node",
			`{"topic":"a.redact","msg":{}}`:    "wrong_topic",
			`{"topic":"node.b","msg":{}}`:      "internal",
		} {
			log := newMemLog()
			d := redactions(log, mode).With(Passage{Sign: true, Redacts: true})
			if got := stored(log, acceptFrom(t, d, nobody, line)[0]); got != want {
				t.Errorf("%s, %s: %s, want %s", line, mode, got, want)
			}
		}
	}
	d := newDoor(newMemLog(), func(c *Config) { c.Reserved = func(string) bool { return true } }).With(Passage{Sign: true, Redacts: true})
	if out := accept(t, d, `{"topic":"node.redact","msg":{}}`); word(out[0]) != "wrong_topic" {
		t.Errorf("a node that signs nothing: %v", out[0])
	}
}

// TestRedactedIsToldToPublishers holds what one is told who publishes on the id of what was redacted.
func TestRedactedIsToldToPublishers(t *testing.T) {
	t.Parallel()
	log := newMemLog()
	d := newDoor(log, nil)
	const line = `{"topic":"a.b","msg":{},"id":"x"}`
	accept(t, d, line)
	log.mu.Lock()
	log.entries[0] = fedmsg.Entry{Position: log.entries[0].Position, ID: "x", Topic: "a.b", Redacted: true}
	log.mu.Unlock()
	if out := accept(t, d, line); word(out[0]) != "redacted" {
		t.Errorf("%v", out[0])
	}
}
