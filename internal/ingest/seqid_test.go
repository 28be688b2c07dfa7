package ingest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// seqIDs gives the number of each entry, 0 where it has none.
func seqIDs(log *memLog) (all []uint64) {
	for _, e := range log.all() {
		n, _ := wire.SeqID(e.Envelope)
		all = append(all, n)
	}
	return all
}

// TestSeqID holds that what the node makes or signs is numbered without a hole from where it was told to begin, and nothing else is;
// that a repetition and a refusal spend no number; and that the number stands in what is signed.
func TestSeqID(t *testing.T) {
	log := newMemLog()
	d := newDoor(log, func(c *Config) { c.SeqID, c.Signer = 41, &fakeSigner{} })
	out := accept(t, d, made("node.a"), made("other.a"), plain("node.b", "x"), made("bad topic"),
		`{"topic":"node.a","msg":{},"id":"i"}`, `{"topic":"node.a","msg":{},"id":"i"}`, made("node.a"))
	if got := strings.Join(words(out), " "); got != "new new new bad_topic new duplicate new" {
		t.Fatal(got, out)
	}
	if got := seqIDs(log); !slices.Equal(got, []uint64{41, 42, 43, 44, 45}) {
		t.Errorf("numbers are %v", got)
	}
	if e := log.all()[0].Envelope; !strings.Contains(string(e), `"n":1,"seq_id":41,"stream":"`) {
		t.Errorf("envelope is %s", e)
	}
	log = newMemLog()
	accept(t, newDoor(log, nil), made("a.b"))
	if _, there := wire.SeqID(log.all()[0].Envelope); there {
		t.Error("a number was given where none are asked for")
	}
}

// TestSeqIDOfWhole holds that an envelope which the node signs is numbered and otherwise stays as it is; that one which comes
// again spends no number, at once or later, whether it is the same or another; and what passes without a number.
func TestSeqIDOfWhole(t *testing.T) {
	log := newMemLog()
	d := newDoor(log, func(c *Config) { c.SeqID, c.Signer = 7, &fakeSigner{} })
	const one = `{"i":1,"msg":{"a":1},"msg_id":"1","timestamp":1795262400,"topic":"node.a","username":"u"}`
	const other = `{"i":2,"msg":{"a":2},"msg_id":"1","timestamp":1795262400,"topic":"node.a","username":"u"}`
	const nameless = `{"msg":{},"timestamp":1795262400,"topic":"node.a"}`
	const signed = `{"topic":"node.a","msg":{},"msg_id":"2","timestamp":1795262400,"signature":"ok:a"}`
	out := accept(t, d, one, one, other, nameless, signed, made("node.b"))
	if got := strings.Join(words(out), " "); got != "new duplicate id_conflict new new new" {
		t.Fatal(got, out)
	}
	if got := strings.Join(words(accept(t, d, one, other, made("node.c"))), " "); got != "duplicate id_conflict new" {
		t.Fatal(got)
	}
	if got := seqIDs(log); !slices.Equal(got, []uint64{7, 0, 0, 8, 9}) {
		t.Errorf("numbers are %v", got)
	}
	all := log.all()
	if want := strings.Replace(one, `"timestamp"`, `"seq_id":7,"timestamp"`, 1); string(all[0].Envelope) != want || !all[0].Made {
		t.Errorf("stored is %s, made %v, want %s", all[0].Envelope, all[0].Made, want)
	}
	if n := strings.Index(string(all[4].Envelope), `"n":2,`); n < 0 {
		t.Errorf("the node's own count has a hole: %s", all[4].Envelope)
	}

	log = newMemLog()
	d = newDoor(log, func(c *Config) { c.Signer = &fakeSigner{} })
	accept(t, d, one)
	if e := log.all()[0]; string(e.Envelope) != one || e.Made {
		t.Errorf("where no numbers are asked for, stored is %s, made %v", e.Envelope, e.Made)
	}
}

// TestForeignSeqID holds that the node signs no number that somebody else chose, while signed envelopes keep theirs.
func TestForeignSeqID(t *testing.T) {
	const line = `{"topic":"node.a","msg":{},"msg_id":"1","seq_id":4711}`
	const signed = `{"topic":"node.a","msg":{},"msg_id":"2","seq_id":"x","timestamp":1795262400,"signature":"ok:a"}`
	for first, want := range map[uint64]string{0: "new new new", 1: "bad_envelope new new"} {
		log := newMemLog()
		d := newDoor(log, func(c *Config) { c.SeqID, c.Signer = first, &fakeSigner{} })
		out := accept(t, d, line, signed, made("node.b"))
		if got := strings.Join(words(out), " "); got != want || first != 0 && !strings.Contains(out[0].Err.Error(), "leave seq_id out") {
			t.Errorf("from %d: %v, want %s", first, out, want)
		}
		all := log.all()
		if n, _ := wire.SeqID(all[len(all)-1].Envelope); n != first {
			t.Errorf("from %d: the first number is %d", first, n)
		}
	}
}

// TestSeqIDTooLarge holds that a message that fits no more once it is signed spends no number.
func TestSeqIDTooLarge(t *testing.T) {
	log := newMemLog()
	d := newDoor(log, func(c *Config) {
		c.SeqID, c.Signer, c.Limits = 1, &fakeSigner{embed: true}, fedmsg.DefaultLimits()
		c.Limits.Envelope = 220
	})
	// One byte more each time: one of them must fit unsigned and not signed.
	var lines []string
	for n := range 120 {
		lines = append(lines, `{"topic":"node.a","msg":{"k":"`+strings.Repeat("x", n)+`"}}`, made("node.a"))
	}
	counts := map[string]int{}
	for _, o := range accept(t, d, lines...) {
		counts[word(o)]++
	}
	if counts["new"] < 121 || counts["too_large"] < 10 || len(counts) != 2 {
		t.Fatal(counts)
	}
	for i, n := range seqIDs(log) {
		if n != uint64(i+1) {
			t.Fatalf("entry %d has the number %d", i+1, n)
		}
	}
}

// TestSeqIDSenderGone holds that a sender who goes away while its message is being signed leaves no hole, though others were
// numbered behind it.
func TestSeqIDSenderGone(t *testing.T) {
	t.Run("parts", func(t *testing.T) { synctest.Test(t, senderGone(made("node.slow"), made("node.slow"))) })
	t.Run("whole", func(t *testing.T) { synctest.Test(t, senderGone(plain("node.slow", "1"), plain("node.slow", "2"))) })
}

// senderGone publishes lines whose sender is gone before they are signed.
func senderGone(lines ...string) func(*testing.T) {
	return func(t *testing.T) {
		log := newMemLog()
		s := &fakeSigner{before: func(r *fedmsg.Record) error {
			if r.Topic == "node.slow" {
				time.Sleep(time.Second)
			}
			return nil
		}}
		d := newDoor(log, func(c *Config) { c.SeqID, c.Signer = 1, s })
		ctx, cancel := context.WithCancel(t.Context())
		first := submitting(ctx, d, lines...)
		synctest.Wait()
		second := submitting(t.Context(), d, made("node.b"))
		synctest.Wait()
		cancel()
		if got := append(first.words(t), second.words(t)...); !slices.Equal(got, []string{"new", "new", "new"}) {
			t.Error(got)
		}
		if got := seqIDs(log); !slices.Equal(got, []uint64{1, 2, 3}) {
			t.Errorf("numbers are %v", got)
		}
	}
}

// TestSeqIDHoles holds that every hole is counted, and what is none is not.
func TestSeqIDHoles(t *testing.T) {
	log, reg := newMemLog(), prometheus.NewRegistry()
	var fault error
	d := newDoor(log, func(c *Config) {
		c.SeqID, c.Metrics = 1, NewMetrics(reg)
		c.Signer = &fakeSigner{before: func(r *fedmsg.Record) error {
			if r.Topic == "node.bad" {
				return fault
			}
			return nil
		}}
	})
	holes := func(want float64, numbers ...uint64) {
		t.Helper()
		if got := gather(t, reg)["seq_id_holes"]; got != want || !slices.Equal(seqIDs(log), numbers) {
			t.Errorf("%v holes in %v, want %v in %v", got, seqIDs(log), want, numbers)
		}
	}
	fault = errors.New("no key")
	accept(t, d, made("node.bad")) // given back
	holes(0)
	accept(t, d, made("node.a"), made("node.bad"), made("node.a"))
	holes(1, 1, 3)
	log.fail(errors.New("full"))
	accept(t, d, made("node.a"), made("other.a"))
	log.fail(nil)
	accept(t, d, made("node.a"))
	holes(1, 1, 3, 4)
	log.refuse(fedmsg.Errorf(fedmsg.CodeStorageFull, "full"))
	accept(t, d, made("other.a"), `{"topic":"a.b","msg":{},"msg_id":"not-made"}`)
	log.refuse(nil)
	accept(t, d, made("other.a"))
	holes(2, 1, 3, 4, 6)
}

// TestSeqIDTogether has many senders at once: the numbers stand in the log in order and without a hole.
func TestSeqIDTogether(t *testing.T) {
	log := newMemLog()
	d := newDoor(log, func(c *Config) { c.SeqID, c.Signer = 1, &fakeSigner{embed: true} })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				accept(t, d, made("node.a"), made("other.b"), made("node.c"))
			}
		})
	}
	wg.Wait()
	for i, n := range seqIDs(log) {
		if n != uint64(i+1) {
			t.Fatalf("entry %d has the number %d", i+1, n)
		}
	}
}
