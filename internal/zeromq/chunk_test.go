package zeromq

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// TestChunks holds that readers of shared chunks, wherever they stand and whatever others do, get every wanted entry once, in
// order and as it stands on the wire, or are told to read by themselves; and that memory stays bounded.
func TestChunks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		log := &memoryLog{}
		f := feed.New(feed.Config{Log: testLog, Open: log.reader, RingBytes: rapid.SampledFrom([]int{1, 200 << 10, 8 << 20}).Draw(rt, "ring")})
		defer f.Close()
		k := &chunks{most: rapid.SampledFrom([]int{1, 200 << 10, 8 << 20}).Draw(rt, "most"), cursor: f.Cursor(0)}
		k.encoder = encoder{
			format: formatFedmsg1, scope: []fedmsg.Pattern{fedmsg.MatchAll()}, made: func(*fedmsg.Entry) {},
			omit: func(e *fedmsg.Entry, err error) { rt.Fatalf("%s was left out: %v", e.Position, err) },
		}
		k.scope, _ = patterns([]string{"yes.#"})
		readers := make([]*feed.Cursor, 3)
		for i := range readers {
			readers[i] = f.Cursor(0)
		}
		step := func(c *feed.Cursor) {
			from := c.Position().Seq
			p, ok := k.after(from)
			if !ok { // what it reads by itself
				if _, err := c.Next(); err != nil && !errors.Is(err, io.EOF) {
					rt.Fatal(err)
				}
				return
			}
			if p.upTo <= from || p.upTo > f.Last().Seq {
				rt.Fatalf("behind %d came a piece up to %d of %d", from, p.upTo, f.Last().Seq)
			}
			var want []byte
			n := 0
			for _, e := range log.entries[from:p.upTo] {
				if strings.HasPrefix(e.Topic, "yes.") {
					want = zmtp.AppendMessage(want, []byte(e.Topic), e.Envelope)
					if n++; n <= len(p.marks) && string(p.topic(&p.marks[n-1])) != e.Topic {
						rt.Fatalf("message %d has the topic %q and not %q", n, p.topic(&p.marks[n-1]), e.Topic)
					}
				}
			}
			if string(p.all()) != string(want) || n != len(p.marks) {
				rt.Fatalf("behind %d up to %d: %d messages in %d bytes, want %d in %d", from, p.upTo, len(p.marks), len(p.all()), n, len(want))
			}
			c.Skip(p.upTo)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"publish": func(rt *rapid.T) {
				var all []fedmsg.Entry
				for range rapid.SampledFrom([]int{1, 1, 2, 3, 20}).Draw(rt, "n") {
					topic := rapid.SampledFrom([]string{"yes.a", "no.b", "yes." + strings.Repeat("x", 300)}).Draw(rt, "topic")
					size := rapid.SampledFrom([]int{1, 100, 100, 5000, 5000, 30 << 10, 70 << 10, 200 << 10}).Draw(rt, "size")
					all = append(all, fedmsg.Entry{Topic: topic, Envelope: fmt.Appendf(nil, `{"k":%d,"p":"%s"}`, len(log.entries), strings.Repeat("p", size))})
				}
				f.Publish(log.grow(all...))
			},
			"read": func(rt *rapid.T) {
				c := readers[rapid.IntRange(0, len(readers)-1).Draw(rt, "who")]
				for range rapid.IntRange(1, 5).Draw(rt, "steps") {
					step(c)
				}
			},
			"forget": func(*rapid.T) { k.forget() },
			"jump": func(rt *rapid.T) {
				readers[rapid.IntRange(0, len(readers)-1).Draw(rt, "who")].Skip(f.Last().Seq)
			},
			"": func(rt *rapid.T) {
				have := 0
				for _, c := range k.run {
					have += cap(c.messages)
				}
				if have != k.bytes || len(k.run) > 1 && k.bytes > k.most {
					rt.Fatalf("%d bytes in %d chunks are counted as %d; %d is the bound", have, len(k.run), k.bytes, k.most)
				}
			},
		})
	})
}

// TestRedactedDoesNotExist holds that nothing of what was redacted goes over ZeroMQ.
func TestRedactedDoesNotExist(t *testing.T) {
	t.Parallel()
	left := &fedmsg.Entry{Position: at(1), ID: "x", Topic: "a.b", Redacted: true}
	n := encoder{scope: []fedmsg.Pattern{fedmsg.MatchAll()}}
	l := lookup{found: map[uint64][]byte{}}
	if n.wants(left) || l.add(left) || len(l.found) > 0 {
		t.Error("it is published or replayed")
	}
	if whole := (&fedmsg.Entry{Position: at(1), ID: "x", Topic: "a.b", Envelope: []byte("{}")}); !n.wants(whole) || !l.add(whole) {
		t.Error("what was not redacted is left out")
	}
}
