package mesh

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/federated-messaging/fedmsg/internal/replay"
)

// world is a publisher with its store and the way to one subscriber, without network and clock.
type world struct {
	head, floor uint64 // given out, and no longer kept
	run         uint64 // of the publisher; marks are of the run
	up          bool   // the replay server
	broken      bool   // it fails on ranges, as old ones do
	most        int    // messages in one answer
	now         time.Time

	c       catchup
	asked   *question
	results []item
	gave    bool // a time came when the subscriber was right to give up
}

func newWorld(st stage, after uint64) *world {
	w := &world{up: true, most: 5000, run: 1, now: time.Unix(1e9, 0)}
	w.c = catchup{t: &tracker{limit: 50, limitBytes: 1 << 20, stage: st, last: after}, times: usual(), since: w.now}
	return w
}

func (w *world) message(n uint64) arrival {
	return arrival{Message: Message{SeqID: n, Topic: fmt.Sprint(w.run)}, mark: w.run<<32 | n, size: 10}
}

// answer answers as a server does.
func (w *world) answer(q question) ([]arrival, error) {
	if !w.up {
		return nil, errors.New("connection refused")
	}
	if w.broken && q.query.Range != (replay.Range{}) {
		return nil, replay.Error(`Something went wrong when processing the field "seq_id_range"`)
	}
	slices.Sort(q.query.Seqs)
	var all []arrival
	for n := w.floor + 1; n <= w.head; n++ {
		if q.query.Match(n, "", w.now) {
			all = append(all, w.message(n))
		}
	}
	if len(all) > w.most {
		return nil, replay.ErrTooLarge
	}
	if len(all) == 0 {
		return nil, replay.ErrNoMatch
	}
	return all, nil
}

// step lets the subscriber ask, or get its answer.
func (w *world) step() {
	if q := w.asked; q != nil {
		w.asked = nil
		asked, err := w.answer(*q)
		w.c.answered(*q, asked, err, w.now)
	} else if q, ok, _ := w.c.next(w.now); ok {
		w.asked = &q
	}
	w.collect()
}

func (w *world) collect() {
	w.results = append(w.results, w.c.t.out...)
	w.c.t.out = nil
}

// rest lets time pass until all is quiet.
func (w *world) rest(t interface{ Fatalf(string, ...any) }) {
	end := w.now.Add(time.Hour)
	for steps := 0; w.now.Before(end); steps++ {
		if steps > 100_000 {
			t.Fatalf("it asks without end: %+v", w.c)
		}
		if w.asked != nil {
			w.step()
			continue
		}
		q, ok, wait := w.c.next(w.now)
		w.collect()
		switch {
		case ok:
			w.asked = &q
		case wait <= 0:
			return
		default:
			w.now = w.now.Add(wait)
		}
	}
}

// check holds that what was given is each number once, in order, with gaps for the rest, from first to head.
func (w *world) check(t interface{ Fatalf(string, ...any) }, first uint64) (gaps int) {
	next, run, before := first, "", "-"
	for i, r := range w.results {
		switch {
		case r.gap != nil && r.gap.Reason == GapRenumbered:
			next, before = 1, run
		case r.gap != nil:
			if r.gap.From != next || r.gap.To < r.gap.From {
				t.Fatalf("result %d is %v, want from %d", i, r.gap, next)
			}
			next, gaps = r.gap.To+1, gaps+1
		case r.message.Topic == before: // waited for others of the old numbers
		case next == 0: // wherever it begins
			next = r.message.SeqID + 1
		case r.message.SeqID != next:
			t.Fatalf("result %d has number %d, want %d", i, r.message.SeqID, next)
		default:
			next++
		}
		if r.gap == nil && r.message.Topic != before {
			run = r.message.Topic
		}
	}
	if next != 0 && next != w.head+1 {
		t.Fatalf("it ends before %d, and the head is %d; %+v", next, w.head, w.c.t)
	}
	return gaps
}

// TestModel lets a publisher, which may begin to count anew, the network, the replay server and time do what they like. Whatever they
// do, each number is given once and in order, or told of in a gap; and with a server that keeps all and is back in time there is no gap.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		after := rapid.Uint64Range(0, 3).Draw(t, "after")
		st := following
		if after == 0 {
			st = oldest
		}
		w := newWorld(st, after)
		w.head = after
		w.broken = rapid.Bool().Draw(t, "broken")
		w.most = rapid.IntRange(1, 200).Draw(t, "most")
		w.c.connected(w.now)
		trimmed, downAt := false, time.Time{}
		t.Repeat(map[string]func(*rapid.T){
			"publish": func(t *rapid.T) {
				lost := rapid.SampledFrom([]int{0, 30, 100}).Draw(t, "lost")
				for range rapid.IntRange(1, 150).Draw(t, "count") {
					w.head++
					if rapid.IntRange(0, 99).Draw(t, "way") < lost {
						continue
					}
					w.c.t.take(w.message(w.head))
					w.c.heard(w.now)
				}
			},
			"repeat": func(t *rapid.T) {
				if w.head > after {
					w.c.t.take(w.message(rapid.Uint64Range(max(w.head, after+40)-39, w.head).Draw(t, "number")))
				}
			},
			"step":      func(*rapid.T) { w.step() },
			"reconnect": func(*rapid.T) { w.c.connected(w.now) },
			"down": func(*rapid.T) {
				if w.up {
					w.up, downAt = false, w.now
				}
			},
			"up": func(*rapid.T) {
				w.gave = w.gave || !w.up && w.now.Sub(downAt) > 20*time.Second
				w.up = true
			},
			"time": func(t *rapid.T) {
				w.now = w.now.Add(time.Duration(rapid.IntRange(1, 5000).Draw(t, "ms")) * time.Millisecond)
			},
			"restart": func(t *rapid.T) {
				if _, known := w.c.t.recent.mark(w.c.t.last); !known || !w.up || trimmed {
					return // nobody could tell, now or ever
				}
				w.run++
				w.gave = true                                                      // what is missing of the old numbers nobody has any more
				w.head = rapid.Uint64Range(w.c.t.last, w.head+100).Draw(t, "head") // with fewer nobody can tell before something comes
				w.asked = nil                                                      // its connection is over
				w.c.answered(question{purpose: askNews}, nil, errors.New("connection reset"), w.now)
				w.c.connected(w.now)
				for range rapid.IntRange(0, 5).Draw(t, "count") {
					w.head++
					w.c.t.take(w.message(w.head))
					w.c.heard(w.now)
					if rapid.Bool().Draw(t, "step") {
						w.step()
					}
				}
				w.rest(t)
			},
			"trim": func(t *rapid.T) {
				if rapid.IntRange(0, 3).Draw(t, "whether") == 0 && w.run == 1 {
					w.floor, trimmed = rapid.Uint64Range(w.floor, w.head).Draw(t, "floor"), true
				}
			},
			"": func(*rapid.T) { w.collect() },
		})
		w.gave = w.gave || !w.up && w.now.Sub(downAt) > 20*time.Second
		w.up = true
		w.c.connected(w.now)
		w.head++ // what is lost and then no longer kept shows only when something comes behind it
		w.c.t.take(w.message(w.head))
		w.rest(t)
		first := after + 1
		if st == oldest && trimmed {
			first = 0
			if len(w.results) == 0 {
				return
			}
		}
		if gaps := w.check(t, first); gaps > 0 && !trimmed && !w.gave {
			t.Fatalf("%d gaps, and the server had all: %v", gaps, w.results)
		}
	})
}
