package ingest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// umb is a source, which may bring what is below a.
var umb = fedmsg.Sender{Kind: fedmsg.SenderSource, Name: "umb"}

func sources(name string) []fedmsg.Pattern {
	if name == "umb" {
		return patterns("a.#", "node.#")
	}
	return nil
}

// carry submits messages and waits.
func carry(t *testing.T, d *Door, from fedmsg.Sender, messages ...wire.Carried) []fedmsg.Outcome {
	t.Helper()
	out, err := d.SubmitCarried(t.Context(), from, messages...).Wait(t.Context())
	if err != nil || len(out) != len(messages) {
		t.Fatalf("%d outcomes for %d messages (%v)", len(out), len(messages), err)
	}
	return out
}

func whole(envelope string) wire.Carried { return wire.Carried{Envelope: []byte(envelope)} }

// TestCarried holds that what a source brings is stored as it is, or made of its parts, in order.
func TestCarried(t *testing.T) {
	eachLog(t, func(t *testing.T, log Log, all func() []fedmsg.Entry) {
		d := newDoor(log, func(c *Config) { c.Sources = sources })
		at := fedmsg.Position{Log: "abcdefghijkl", Seq: 7}
		first := wire.Carried{
			Envelope: []byte(signed("a.b", "1", "")), Signatures: []byte(`[{"keyid":"ok:bts","sig":"AA=="}]`), Origin: at, Topic: "a.b",
		}
		out := carry(t, d, umb, first, wire.Carried{Topic: "a.c", ID: "2", Headers: []byte(`{"h":"v"}`), Body: []byte(`{"n": 1.50}`)},
			whole(`{"msg":[NaN],"topic":"a./topic/x"}`), wire.Carried{Topic: "a.d", Envelope: []byte(plain("a.b", "4"))}, whole(plain("z.b", "5")), first)
		if got := words(out); !slices.Equal(got, []string{"new", "new", "new", "bad_topic", "forbidden", "duplicate"}) {
			t.Fatalf("outcomes %v: %v", got, out)
		}
		entries := all()
		if len(entries) != 3 {
			t.Fatalf("%d entries", len(entries))
		}
		e := entries[0]
		if string(e.Envelope) != string(first.Envelope) || string(e.Signatures) != string(first.Signatures) || e.Origin != at || e.Made ||
			e.Sender != "source:umb" || e.Signer != "bts" || e.Verdict != fedmsg.VerdictOK {
			t.Errorf("the envelope became %+v", e)
		}
		made := parse(t, entries[1])
		if e := entries[1]; e.ID != "2" || e.Topic != "a.c" || !e.Made || !e.Origin.IsZero() || string(made.Body) != `{"n":1.50}` || string(made.Headers) != `{"h":"v"}` {
			t.Errorf("the parts became %+v", e)
		}
		if e := entries[2]; string(e.Envelope) != `{"msg":[NaN],"topic":"a./topic/x"}` || !e.NotIJSON {
			t.Errorf("the old envelope became %+v", e)
		}
	})
}

// TestRightsOfSource holds that a source brings its topics and no others, whoever signed what is on them.
func TestRightsOfSource(t *testing.T) {
	d := newDoor(newMemLog(), func(c *Config) {
		c.Sources = sources
		c.Publishers = []Publisher{{Signer: "bts", Topics: patterns("#")}}
	})
	z := whole(signed("z.b", "1", "ok:bts"))
	for _, c := range []struct {
		from fedmsg.Sender
		in   wire.Carried
		want string
	}{
		{umb, z, "forbidden"},
		{umb, wire.Carried{Topic: "z.b"}, "forbidden"},
		{fedmsg.Sender{Kind: fedmsg.SenderSource, Name: "other"}, whole(plain("a.b", "2")), "forbidden"},
		{fedmsg.Sender{Kind: fedmsg.SenderSource}, whole(plain("a.b", "2")), "forbidden"},
		{umb, whole(signed("a.b", "2", "ok:bts")), "new"},
		{umb, whole(plain("a.b", "3")), "new"},
		{fedmsg.Sender{Kind: fedmsg.SenderUID, Name: "1000"}, z, "new"}, // the rule of the signer holds elsewhere
	} {
		if got := word(carry(t, d, c.from, c.in)[0]); got != c.want {
			t.Errorf("%s with %.80s%s: %s, want %s", c.from, c.in.Envelope, c.in.Topic, got, c.want)
		}
	}
}

// TestCarriedVerified holds that a source is verified as its entrance asks, and that old messages pass it.
func TestCarriedVerified(t *testing.T) {
	log := newMemLog()
	d := newDoor(log, func(c *Config) { c.Sources = sources; c.Verify = fedmsg.VerifyRequire }).With(Passage{Replaying: true})
	old := fmt.Sprintf(`{"msg":{},"msg_id":"old","signature":"ok:bts","timestamp":%d,"topic":"a.b"}`, start.Add(-999*time.Hour).Unix())
	out := carry(t, d, umb, whole(plain("a.b", "1")), whole(signed("a.b", "2", "bad_signature:bts")), whole(signed("a.b", "3", "ok:bts")), whole(old), wire.Carried{Topic: "a.b"})
	if got := words(out); !slices.Equal(got, []string{"unsigned", "bad_signature", "new", "new", "unsigned"}) {
		t.Errorf("outcomes %v", got)
	}
	out = carry(t, d.With(Passage{Verify: fedmsg.VerifyInsecureOff}), umb, whole(signed("a.b", "9", "bad_signature:bts")))
	if got := stored(log, out[0]); got != "as unchecked" {
		t.Errorf("with verification off: %s", got)
	}
}

// TestSignsForOwn holds that the node signs what came by an entrance only where that says so: what strangers sent stays theirs, and
// the refusal names both ways to take it.
func TestSignsForOwn(t *testing.T) {
	for _, c := range []struct {
		verify fedmsg.VerifyMode
		sign   bool
		want   [2]string // of an envelope, of parts
	}{
		{fedmsg.VerifyRequire, false, [2]string{"unsigned", "unsigned"}},
		{fedmsg.VerifyIfSigned, false, [2]string{"as unsigned", "as unsigned"}},
		{fedmsg.VerifyInsecureOff, false, [2]string{"as unchecked", "as unchecked"}},
		{fedmsg.VerifyRequire, true, [2]string{"as ok node", "as ok node"}},
		{fedmsg.VerifyIfSigned, true, [2]string{"as ok node", "as ok node"}},
		{fedmsg.VerifyInsecureOff, true, [2]string{"as unchecked", "as ok node"}},
	} {
		for i, in := range []wire.Carried{whole(plain("node.b", "x")), {Topic: "node.b", ID: "x", Body: []byte(`{}`)}} {
			log := newMemLog()
			d := newDoor(log, func(c *Config) { c.Sources = sources; c.Signer = &fakeSigner{} })
			out := carry(t, d.With(Passage{Verify: c.verify, Replaying: true, Sign: c.sign}), umb, in)[0]
			if got := stored(log, out); got != c.want[i] {
				t.Errorf("%s, sign %v, message %d: %s, want %s (%v)", c.verify, c.sign, i, got, c.want[i], out.Err)
			}
			if out.Err != nil && !(strings.Contains(out.Err.Error(), `verify = "if-signed"`) && strings.Contains(out.Err.Error(), "sign = true")) {
				t.Errorf("the refusal says %v", out.Err)
			}
		}
	}
}

// TestLoopsEnd holds that what the node made or took, in whatever way, and what comes back to the byte is a duplicate: also where
// it could not pass the entrance by which it comes, alone or in a batch.
func TestLoopsEnd(t *testing.T) {
	eachLog(t, func(t *testing.T, log Log, all func() []fedmsg.Entry) {
		d := newDoor(log, func(c *Config) {
			c.Sources = sources
			c.SeqID = 1
			c.Signer = &fakeSigner{embed: true}
		})
		accept(t, d, made("a.b"), made("node.b"), plain("a.b", "3"), plain("node.b", "4"), signed("a.b", "5", "ok:bts"), made("z.b"))
		off := d.With(Passage{Verify: fedmsg.VerifyInsecureOff})
		accept(t, off, signed("a.b", "7", "bad_signature:bts"))
		before := all()
		if len(before) != 7 {
			t.Fatalf("%d entries", len(before))
		}
		strict := d.With(Passage{Verify: fedmsg.VerifyRequire, Replaying: true})
		var back []wire.Carried
		for _, e := range before {
			back = append(back, wire.Carried{Envelope: e.Envelope, Signatures: e.Signatures, Origin: e.Position, Topic: e.Topic})
		}
		for i, out := range carry(t, strict, umb, back...) {
			if e := before[i]; word(out) != "duplicate" || out.Receipt.Position != e.Position || out.Receipt.ID != e.ID || !out.Receipt.Received.Equal(e.Received) {
				t.Errorf("%s came back as %s %+v", e.Envelope, word(out), out)
			}
			if alone := carry(t, strict, umb, back[i])[0]; word(alone) != "duplicate" {
				t.Errorf("%s came back alone as %s", back[i].Envelope, word(alone))
			}
		}
		if len(all()) != len(before) {
			t.Errorf("%d entries became %d", len(before), len(all()))
		}
		// Nobody else is told what there is, and nothing else passes for it.
		if got := word(carry(t, strict, fedmsg.Sender{Kind: fedmsg.SenderUID, Name: "1000"}, back[0])[0]); got != "forbidden" {
			t.Errorf("a stranger is told %s", got)
		}
		if got := word(carry(t, strict, umb, whole(plain("a.b", before[0].ID)))[0]); got != "unsigned" {
			t.Errorf("another message with a known id: %s", got)
		}
	})
}

// TestCarriedBelongsToCaller holds that nothing of a message is kept.
func TestCarriedBelongsToCaller(t *testing.T) {
	log := newMemLog()
	d := newDoor(log, func(c *Config) { c.Sources = sources })
	envelope, body, headers := []byte(signed("a.b", "1", "ok:bts")), []byte(`{"k":"v"}`), []byte(`{"h":"v"}`)
	signatures := []byte(`[{"keyid":"ok:bts","sig":"AA=="}]`)
	ticket := d.SubmitCarried(t.Context(), umb, wire.Carried{Envelope: envelope, Signatures: signatures}, wire.Carried{Topic: "a.c", ID: "2", Headers: headers, Body: body})
	for _, b := range [][]byte{envelope, body, headers, signatures} {
		for i := range b {
			b[i] = 'x'
		}
	}
	if out, err := ticket.Wait(t.Context()); err != nil || !slices.Equal(words(out), []string{"new", "new"}) {
		t.Fatalf("%v (%v)", out, err)
	}
	entries := log.all()
	if string(entries[0].Envelope) != signed("a.b", "1", "ok:bts") || string(entries[0].Signatures) != `[{"keyid":"ok:bts","sig":"AA=="}]` {
		t.Errorf("the envelope became %s %s", entries[0].Envelope, entries[0].Signatures)
	}
	if made := parse(t, entries[1]); string(made.Body) != `{"k":"v"}` || string(made.Headers) != `{"h":"v"}` {
		t.Errorf("the parts became %s", entries[1].Envelope)
	}
}

// BenchmarkSubmitCarried is a source with verification off.
func BenchmarkSubmitCarried(b *testing.B) {
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := newDoor(nullLog{}, func(c *Config) { c.Now = time.Now; c.Sources = func(string) []fedmsg.Pattern { return patterns("#") } })
			d = d.With(Passage{Verify: fedmsg.VerifyInsecureOff, Replaying: true})
			lines, id := envelopes(n), uint64(0)
			messages := make([]wire.Carried, n)
			b.ReportAllocs()
			for b.Loop() {
				for i, line := range lines {
					id++
					renumber(line, id)
					messages[i] = wire.Carried{Envelope: line, Origin: fedmsg.Position{Log: "abcdefghijkl", Seq: id}}
				}
				d.SubmitCarried(context.Background(), umb, messages...)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/msg")
		})
	}
}

// TestOriginOfStrangers holds that where a message was first is believed of those alone who may publish on its topic: whoever hands
// in what a signer signed could name the log of another node, which then would never be sent it.
func TestOriginOfStrangers(t *testing.T) {
	log := newMemLog()
	d := newDoor(log, func(c *Config) { c.Publishers = []Publisher{{Signer: "bts", Topics: patterns("#")}} })
	at := fedmsg.Position{Log: "abcdefghijkl", Seq: 7}
	for i, c := range []struct {
		from string
		want fedmsg.Position
	}{{"uid:1000", fedmsg.Position{}}, {"uid:1001", at}} {
		m := whole(signed("a.b", fmt.Sprint(i), "ok:bts"))
		m.Origin = at
		carry(t, d, sender(c.from), m)
		many := slices.Repeat([]wire.Carried{m}, few+1)
		for j := range many {
			many[j].Envelope = []byte(signed("a.b", fmt.Sprintf("%d-%d", i, j), "ok:bts"))
		}
		carry(t, d, sender(c.from), many...)
		entries := log.all()
		if len(entries) != (i+1)*(few+2) {
			t.Fatalf("%d entries", len(entries))
		}
		for _, e := range entries[i*(few+2):] {
			if e.Origin != c.want {
				t.Errorf("%s from %s has the origin %q, want %q", e.ID, c.from, e.Origin, c.want)
			}
		}
	}
}
