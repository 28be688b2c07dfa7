package mesh

import (
	"hash/maphash"
	"testing"
	"time"
)

// settled lets a world rest, and holds what came of it.
func settled(t *testing.T, w *world, first uint64) (gaps int) {
	t.Helper()
	w.rest(t)
	return w.check(t, first)
}

// TestHoleIsCrossed loses 10^7 numbers that nobody has, and holds that few questions are needed to get behind them and that one
// gap is told.
func TestHoleIsCrossed(t *testing.T) {
	for _, st := range []stage{following, oldest} {
		w := newWorld(st, 0)
		w.head, w.floor = 10_000_005, 10_000_000
		w.c.connected(w.now)
		questions := 0
		begin := w.now
		for range 200 {
			if q, ok, wait := w.c.next(w.now); ok {
				asked, err := w.answer(q)
				w.c.answered(q, asked, err, w.now)
				questions++
			} else if wait == 0 || wait > 5*time.Second {
				break
			} else {
				w.now = w.now.Add(wait)
			}
			if w.c.t.last == 0 && questions == 1 {
				w.c.t.take(w.message(w.head)) // shows how far it goes
			}
		}
		w.collect()
		first, want := uint64(1), 1
		if st == oldest {
			first, want = 0, 0
		}
		if gaps := w.check(t, first); gaps != want || questions > 30 || w.now.Sub(begin) > 5*time.Second {
			t.Errorf("stage %d: %d gaps after %d questions and %v: %v", st, gaps, questions, w.now.Sub(begin), w.results)
		}
	}
}

// TestHoleOfOldServer loses 10^12 numbers where the server can be asked for numbers one by one only, and holds that it is given up
// to ask for them all: one message with a number out of this world would keep everything else back for ever.
func TestHoleOfOldServer(t *testing.T) {
	w := newWorld(following, 0)
	w.broken = true
	w.c.connected(w.now)
	for w.head < 10 {
		w.head++
		w.c.t.take(w.message(w.head))
	}
	w.rest(t)
	const far = 1_000_000_000_000
	w.head, w.floor = far, far-20
	w.c.t.take(w.message(far))
	questions := 0
	for w.c.t.last < far && questions < 10_000 {
		if q, ok, wait := w.c.next(w.now); ok {
			asked, err := w.answer(q)
			w.c.answered(q, asked, err, w.now)
			questions++
		} else {
			w.now = w.now.Add(wait)
		}
	}
	w.collect()
	if gaps := w.check(t, 1); gaps != 1 || questions > 200 {
		t.Errorf("%d gaps after %d questions; it is at %d", gaps, questions, w.c.t.last)
	}
}

// TestOldestIsFound finds what is kept of a publisher that says nothing.
func TestOldestIsFound(t *testing.T) {
	w := newWorld(oldest, 0)
	w.head, w.floor, w.most = 5_003_000, 5_000_000, 500
	w.c.connected(w.now)
	w.rest(t)
	if gaps := w.check(t, 5_000_001); gaps > 0 {
		t.Errorf("%d gaps", gaps)
	}
}

// TestLateIsNotAnew drops what is late and was forgotten, and does not take it for a new numbering.
func TestLateIsNotAnew(t *testing.T) {
	for _, kept := range []bool{true, false} {
		w := newWorld(following, 0)
		w.c.connected(w.now)
		for range 3000 {
			w.head++
			w.c.t.take(w.message(w.head))
		}
		settled(t, w, 1)
		if kept {
			w.c.connected(w.now)
		} else {
			w.floor = w.head // so that the server can tell nothing
		}
		w.c.t.take(w.message(5)) // its mark is no longer remembered
		if gaps := settled(t, w, 1); gaps > 0 || len(w.results) != 3000 {
			t.Errorf("kept %t: %d results, %d gaps", kept, len(w.results), gaps)
		}
	}
}

// TestRelayedNumbers has a relay, of which nothing can be asked, pass on what several publishers numbered, and holds that nothing
// is dropped, however their numbers lie to each other.
func TestRelayedNumbers(t *testing.T) {
	for _, foreign := range []uint64{3, 1 << 40} {
		w := newWorld(following, 0)
		w.c.alone = true
		say := func(n uint64) {
			for range n {
				w.head++
				w.c.t.take(w.message(w.head))
				w.rest(t)
			}
		}
		say(3000)
		other := w.message(foreign)
		other.Topic, other.mark = "other", 1
		w.c.t.take(other)
		w.rest(t)
		say(1000)
		own, others := 0, 0
		for _, r := range w.results {
			switch {
			case r.gap != nil:
			case r.message.Topic == "other":
				others++
			default:
				own++
			}
		}
		if own != 4000 || others != 1 {
			t.Errorf("beside number %d: %d messages of 4000 were given, and %d of another publisher", foreign, own, others)
		}
	}
}

// TestAnewIsSeen sees a new numbering by what comes, by what the server has, and where nobody answers.
func TestAnewIsSeen(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(w *world)
	}{
		{"by its mark", func(w *world) { w.c.t.take(w.message(w.head)) }},
		{"by the server", func(w *world) { w.head = 3000 }},
		{"by the server, while the number that comes next comes", func(w *world) { w.head = 2501; w.c.t.take(w.message(2501)) }},
		{"by the server, while a later one comes", func(w *world) { w.head = 2700; w.c.t.take(w.message(2700)) }},
		{"by the server, while many come", func(w *world) {
			for w.head = 2500; w.head < 2700; {
				w.head++
				w.c.t.take(w.message(w.head))
				w.step()
			}
		}},
		{"alone", func(w *world) { w.c.alone = true; w.c.t.take(w.message(w.head)) }},
		{"unanswered", func(w *world) { w.up = false; w.c.t.take(w.message(w.head)); w.rest(t); w.up = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(following, 0)
			w.c.connected(w.now)
			for range 2500 {
				w.head++
				w.c.t.take(w.message(w.head))
			}
			settled(t, w, 1)
			w.run, w.head = 2, 7
			w.c.connected(w.now)
			w.results = nil
			c.do(w)
			w.rest(t)
			if len(w.results) == 0 || w.results[0].gap == nil || w.results[0].gap.Reason != GapRenumbered || w.results[0].gap.From != 2501 {
				t.Fatalf("got %v", w.results)
			}
			if c.name == "unanswered" { // what was missed of the new numbers
				if g := w.results[1].gap; g == nil || g.From != 1 || g.To != 6 || g.Reason != GapUnanswered {
					t.Fatalf("got %v", w.results)
				}
				return
			}
			for _, r := range w.results[1:] {
				if r.gap != nil || r.message.Topic != "2" {
					t.Fatalf("got %v", r)
				}
			}
			if last := w.results[len(w.results)-1]; last.message.SeqID != w.head || c.name != "alone" && len(w.results) != int(w.head)+1 {
				t.Errorf("%d results up to %d", len(w.results), last.message.SeqID)
			}
		})
	}
}

// TestWaitingIsBounded forgets what is too much, and asks for it again.
func TestWaitingIsBounded(t *testing.T) {
	w := newWorld(following, 0)
	w.up = false
	w.c.connected(w.now)
	for w.head = 1; w.head < 1000; {
		w.head++
		w.c.t.take(w.message(w.head))
	}
	if n := len(w.c.t.waiting); n != 50 {
		t.Errorf("%d wait", n)
	}
	w.up = true
	if gaps := settled(t, w, 1); gaps > 0 || w.c.t.waiting != nil || w.c.t.bytes != 0 {
		t.Errorf("%d gaps; %d wait", gaps, len(w.c.t.waiting))
	}
}

// TestDoubtIsBounded keeps only so much of what nobody can tell to be new or old.
func TestDoubtIsBounded(t *testing.T) {
	w := newWorld(following, 1000)
	w.up = false
	w.c.connected(w.now)
	for n := range uint64(40) {
		a := w.message(n + 1)
		a.size = 1 << 18
		w.c.t.take(a)
	}
	if n := len(w.c.t.doubts); n == 0 || n > 4 {
		t.Errorf("%d messages of %d bytes are in doubt, and %d bytes may be", n, 1<<18, w.c.t.limitBytes)
	}
	w.rest(t)
	w.c.t.take(w.message(1))
	if n := len(w.c.t.doubts); n > 1 {
		t.Errorf("%d are in doubt", n)
	}
}

// TestFreshAsks begins with what was sent since the subscription began, before what comes live.
func TestFreshAsks(t *testing.T) {
	w := newWorld(fresh, 0)
	w.c.start, w.head = true, 4
	w.c.connected(w.now)
	w.head = 6
	w.c.t.take(w.message(6))
	q, ok, _ := w.c.next(w.now)
	if !ok || q.purpose != askSince || q.query.Time.From != w.c.since.Truncate(time.Second) {
		t.Fatalf("asks %+v", q)
	}
	w.c.answered(q, []arrival{w.message(4), w.message(5)}, nil, w.now)
	w.collect()
	if gaps := settled(t, w, 4); gaps > 0 || len(w.results) != 3 {
		t.Errorf("%v", w.results)
	}
}

// TestTell reads what envelopes say of themselves, however they are laid out.
func TestTell(t *testing.T) {
	cases := []struct {
		in        string
		seq       uint64
		id, topic string
	}{
		{`{"seq_id":7,"msg_id":"a","topic":"t"}`, 7, "a", "t"},
		{" { \"msg\" : {\"seq_id\": 9, \"x\": [\"}\", \"\\\\\"]} ,\n \"seq_id\" : 7 , \"topic\":\"\\u00e9\" } ", 7, "", "é"},
		{`{"a":"\\\"seq_id\":3","seq_id":7}`, 7, "", ""},
		{`{"seq_id":7,"seq_id":8}`, 8, "", ""},
		{`{"seq_id":"7"}`, 0, "", ""},
		{`{"seq_id":7.5}`, 0, "", ""},
		{`{"seq_id":-7}`, 0, "", ""},
		{`{"seq_id":99999999999999999999}`, 0, "", ""},
		{`{"msg_id":5,"topic":5}`, 0, "", ""},
		{`[{"seq_id":7}]`, 0, "", ""},
		{`{"seq_id":`, 0, "", ""},
		{`{`, 0, "", ""}, {``, 0, "", ""}, {`{"`, 0, "", ""}, {`{:::`, 0, "", ""}, {`{"a":"\`, 0, "", ""},
	}
	for _, c := range cases {
		got := tell([]byte(c.in))
		if got.seq != c.seq || string(got.id) != c.id || got.topicText() != c.topic {
			t.Errorf("%s: %d %q %q", c.in, got.seq, got.id, got.topicText())
		}
	}
	if a, b := markOf(maphash.MakeSeed(), nil), markOf(maphash.MakeSeed(), []byte("x")); a != 0 || b == 0 {
		t.Errorf("marks %d and %d", a, b)
	}
}

// FuzzTell looks for bytes that make it hang or stumble.
func FuzzTell(f *testing.F) {
	f.Add([]byte(`{"msg":{"a":["\\"]},"seq_id":7,"msg_id":"x","topic":"t"}`))
	f.Fuzz(func(_ *testing.T, in []byte) {
		t := tell(in)
		t.topicText()
	})
}

// TestSleeps holds that a listener of a service that says nothing asks rarely.
func TestSleeps(t *testing.T) {
	w := newWorld(following, 0)
	w.c.connected(w.now)
	questions := 0
	for end := w.now.Add(time.Hour); w.now.Before(end); {
		q, ok, wait := w.c.next(w.now)
		if ok {
			questions++
			asked, err := w.answer(q)
			w.c.answered(q, asked, err, w.now)
			continue
		}
		w.now = w.now.Add(wait)
	}
	if questions < 300 || questions > 400 {
		t.Errorf("%d questions in an hour", questions)
	}
}
