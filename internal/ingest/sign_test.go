package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// numbers gives topic and n of each entry, n 0 where the node did not make it.
func numbers(t *testing.T, log *memLog) []string {
	t.Helper()
	var all []string
	for _, e := range log.all() {
		all = append(all, fmt.Sprintf("%s %d", e.Topic, parse(t, e).N))
	}
	return all
}

// signingDoor is a door whose signer calls before, over a log in memory.
func signingDoor(before func(*fedmsg.Record) error) (*Door, *memLog) {
	log := newMemLog()
	return newDoor(log, func(c *Config) { c.Signer = &fakeSigner{before: before} }), log
}

// submitter is an envelope or submission of a topic under way on its own goroutine.
type submitter chan fedmsg.Ticket

func submitting(ctx context.Context, d *Door, lines ...string) submitter {
	done := make(submitter, 1)
	go func() {
		var raw [][]byte
		for _, line := range lines {
			raw = append(raw, []byte(line))
		}
		done <- d.Submit(ctx, root, raw...)
	}()
	return done
}

func (s submitter) words(t *testing.T) []string {
	t.Helper()
	out, err := (<-s).Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return words(out)
}

func made(topic string) string { return fmt.Sprintf(`{"topic":%q,"msg":{}}`, topic) }

// TestSignTogether has many senders at once, whose messages take any time to sign, are repeated and fail: each sender's
// messages stand in its order, the node's numbers grow along the log, and what is missing of them was refused.
func TestSignTogether(t *testing.T) {
	const senders, rounds = 16, 30
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		random := rand.New(rand.NewPCG(seed, 0))
		refused := 0
		log := openLog(t)
		s := &fakeSigner{before: func(r *fedmsg.Record) error {
			mu.Lock()
			pause, fails := time.Duration(random.IntN(1000))*time.Millisecond, random.IntN(20) == 0 && r.Made
			if fails {
				refused++
			}
			mu.Unlock()
			time.Sleep(pause)
			if fails {
				return errors.New("no key")
			}
			return nil
		}}
		d := newDoor(log, func(c *Config) { c.Signer = s })
		var wg sync.WaitGroup
		for n := range senders {
			random := rand.New(rand.NewPCG(seed, uint64(n)+1))
			wg.Go(func() {
				var tickets []fedmsg.Ticket
				for k := range rounds {
					var lines [][]byte
					for i := range 1 + random.IntN(6) {
						line := randomLine(random, n, k*10+i)
						if random.IntN(3) > 0 {
							line = bytes.Replace(line, []byte(`"topic":"`), []byte(`"topic":"node.`), 1)
							line = bytes.Replace(line, []byte(`"topic":"node.shared`), []byte(`"topic":"shared`), 1)
						}
						lines = append(lines, line)
					}
					tickets = append(tickets, d.Submit(t.Context(), root, lines...))
				}
				for _, ticket := range tickets {
					out, err := ticket.Wait(t.Context())
					if err != nil {
						t.Error(err)
					}
					for _, o := range out {
						if o.Err != nil && word(o) != "unavailable" {
							t.Error(o.Err)
						}
					}
				}
			})
		}
		wg.Wait()
		number, holes, last, signed := uint64(0), uint64(0), map[int]int{}, 0
		for _, e := range readAll(t, log) {
			if e.Made {
				v := parse(t, e)
				if v.N != v.I || v.N <= number {
					t.Fatalf("seq %d has n %d behind %d, i %d", e.Position.Seq, v.N, number, v.I)
				}
				holes, number = holes+v.N-number-1, v.N
			}
			if node := strings.HasPrefix(e.Topic, "node."); node != (e.Signer == "node") || node != (e.Verdict == fedmsg.VerdictOK) {
				t.Fatalf("%s has signer %q and verdict %q", e.Topic, e.Signer, e.Verdict)
			} else if node {
				signed++
			}
			var sender, k int
			if _, err := fmt.Sscanf(strings.TrimPrefix(e.Topic, "node."), "s%d.k%d", &sender, &k); err == nil {
				if l, ok := last[sender]; ok && k <= l {
					t.Fatalf("sender %d: %d stands behind %d", sender, k, l)
				}
				last[sender] = k
			}
		}
		if holes > uint64(refused) || number < senders || signed == 0 {
			t.Errorf("%d numbers are missing up to %d, %d records could not be signed, %d were", holes, number, refused, signed)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestSignOrder holds that what was numbered first lands first, however long it takes to sign, and that the turn is free
// meanwhile.
func TestSignOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, log := signingDoor(func(r *fedmsg.Record) error {
			if r.Topic == "node.slow" {
				time.Sleep(time.Minute)
			}
			return nil
		})
		var under []submitter
		for _, line := range []string{made("node.slow"), made("node.fast"), made("a.unsigned"), plain("a.whole", "x"), made("node.last")} {
			under = append(under, submitting(t.Context(), d, line))
			synctest.Wait()
		}
		if len(d.turn) > 0 || d.c.Signer.(*fakeSigner).calls.Load() != 3 || len(log.all()) != 0 {
			t.Errorf("%d were signed meanwhile, %d stored; the turn is taken: %v", d.c.Signer.(*fakeSigner).calls.Load(), len(log.all()), len(d.turn) > 0)
		}
		for _, u := range under {
			if w := u.words(t); !slices.Equal(w, []string{"new"}) {
				t.Error(w)
			}
		}
		want := []string{"node.slow 1", "node.fast 2", "a.unsigned 3", "a.whole 0", "node.last 4"}
		if got := numbers(t, log); !slices.Equal(got, want) {
			t.Errorf("stored %v, want %v", got, want)
		}
		if out := accept(t, d, made("a.later")); word(out[0]) != "new" || d.last != nil {
			t.Errorf("%v; the flights that landed are kept: %v", out, d.last)
		}
	})
}

// TestSignBatch holds that a large batch is signed on all cores.
func TestSignBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		at, most := 0, 0
		count := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			at += n
			most = max(most, at)
		}
		d, log := signingDoor(func(*fedmsg.Record) error {
			count(1)
			defer count(-1)
			time.Sleep(time.Second)
			return nil
		})
		var lines, want []string
		for i := range 20 {
			lines, want = append(lines, made(fmt.Sprintf("node.t%d", i))), append(want, fmt.Sprintf("node.t%d %d", i, i+1))
		}
		accept(t, d, lines...)
		if got := numbers(t, log); !slices.Equal(got, want) {
			t.Errorf("stored %v", got)
		}
		if cores := runtime.GOMAXPROCS(0); most != min(cores, 20) {
			t.Errorf("%d at once on %d cores", most, cores)
		}
	})
}

// TestGivenUp has senders give up while they wait behind one that signs for long: nothing of theirs is stored, and those
// behind them still wait for the one in front.
func TestGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, log := signingDoor(func(r *fedmsg.Record) error {
			if r.Topic == "node.slow" {
				time.Sleep(time.Minute)
			}
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		slow := submitting(t.Context(), d, made("node.slow"))
		synctest.Wait()
		var gone []submitter
		for i := range 3 {
			gone = append(gone, submitting(ctx, d, fmt.Sprintf(`{"topic":"node.gone","msg":{},"id":"gone-%d"}`, i)))
			synctest.Wait()
		}
		behind := submitting(t.Context(), d, made("node.behind"))
		synctest.Wait()
		cancel()
		synctest.Wait()
		for _, g := range gone {
			if w := g.words(t); !slices.Equal(w, []string{"unavailable"}) {
				t.Errorf("given up: %v", w)
			}
		}
		if n := len(log.all()); n != 0 {
			t.Errorf("%d are stored before the first", n)
		}
		again := submitting(t.Context(), d, `{"topic":"node.again","msg":{},"id":"gone-1"}`)
		synctest.Wait()
		if n := len(log.all()); n != 0 {
			t.Errorf("%d are stored before the first", n)
		}
		for _, u := range []submitter{slow, behind, again} {
			if w := u.words(t); !slices.Equal(w, []string{"new"}) {
				t.Error(w)
			}
		}
		if got, want := numbers(t, log), []string{"node.slow 1", "node.behind 5", "node.again 6"}; !slices.Equal(got, want) {
			t.Errorf("stored %v, want %v", got, want)
		}
	})
}

// TestGivenUpWhileSigning holds that a sender whose time ends while its own messages are signed stores none of them, and that
// the numbers are free again.
func TestGivenUpWhileSigning(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d, log := signingDoor(func(r *fedmsg.Record) error {
		if r.Topic == "node.cancel" {
			cancel()
		}
		return nil
	})
	out, err := d.Accept(ctx, root, []byte(made("node.first")), []byte(made("node.cancel")), []byte(made("a.b")), []byte(made("node.last")))
	if err != nil || !slices.Equal(words(out), slices.Repeat([]string{"unavailable"}, 4)) {
		t.Errorf("%v, %v", out, err)
	}
	accept(t, d, made("node.next"))
	if got, want := numbers(t, log), []string{"node.next 1"}; !slices.Equal(got, want) {
		t.Errorf("stored %v, want %v", got, want)
	}
}

// TestSignFails holds that what cannot be signed is refused alone, and that no number is lost which nobody was told of.
func TestSignFails(t *testing.T) {
	var fault error
	d, log := signingDoor(func(r *fedmsg.Record) error {
		if strings.HasPrefix(r.Topic, "node.bad") {
			return fault
		}
		return nil
	})
	for want, err := range map[string]error{"unavailable": errors.New("no key"), "expired": fedmsg.Errorf(fedmsg.CodeExpired, "the certificate is too old")} {
		fault = err
		if w := words(accept(t, d, made("node.bad"), `{"topic":"node.bad","msg":{},"id":"one"}`)); !slices.Equal(w, []string{want, want}) {
			t.Errorf("all fail: %v", w)
		}
	}
	w := words(accept(t, d, made("node.a"), made("node.bad"), `{"topic":"node.bad2","msg":{},"id":"two"}`, `nonsense`, made("a.b"), plain("node.c", "x")))
	if !slices.Equal(w, []string{"new", w[1], w[1], "bad_json", "new", "new"}) || w[1] == "new" {
		t.Errorf("some fail: %v", w)
	}
	fault = nil
	accept(t, d, `{"topic":"node.bad2","msg":{},"id":"two"}`)
	if got, want := numbers(t, log), []string{"node.a 1", "a.b 4", "node.c 0", "node.bad2 5"}; !slices.Equal(got, want) {
		t.Errorf("stored %v, want %v", got, want)
	}
}

// TestSignLogRefuses holds that numbers which the log did not take are given again, unless others have gone on.
func TestSignLogRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, log := signingDoor(func(r *fedmsg.Record) error {
			if r.Topic == "node.slow" {
				time.Sleep(time.Minute)
			}
			return nil
		})
		log.fail(fedmsg.Errorf(fedmsg.CodeStorageFull, "the disk is full"))
		if w := words(accept(t, d, made("node.a"), made("node.b"))); !slices.Equal(w, []string{"storage_full", "storage_full"}) {
			t.Error(w)
		}
		slow := submitting(t.Context(), d, made("node.slow"), made("a.b"))
		synctest.Wait()
		next := submitting(t.Context(), d, made("node.next"))
		synctest.Wait()
		if w := slow.words(t); !slices.Equal(w, []string{"storage_full", "storage_full"}) {
			t.Error(w)
		}
		if w := next.words(t); !slices.Equal(w, []string{"storage_full"}) {
			t.Error(w)
		}
		log.fail(nil)
		accept(t, d, made("node.c"))
		if got, want := numbers(t, log), []string{"node.c 3"}; !slices.Equal(got, want) {
			t.Errorf("stored %v, want %v: two numbers are a hole, since the next was taken before they were free", got, want)
		}
	})
}

// TestSignedTwice holds that a repetition is known as one while the first is signed, and costs no number.
func TestSignedTwice(t *testing.T) {
	for _, c := range repetitions {
		for _, embed := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				log := newMemLog()
				d := newDoor(log, func(cfg *Config) {
					cfg.Signer = &fakeSigner{embed: embed, before: func(*fedmsg.Record) error { time.Sleep(time.Second); return nil }}
				})
				toNode := func(line string) string { return strings.Replace(line, `"org.example.dev.`, `"node.`, 1) }
				first := submitting(t.Context(), d, toNode(c.first))
				synctest.Wait()
				second := submitting(t.Context(), d, toNode(c.second), toNode(lastLine))
				want, word := []string{c.want, "new"}, "new"
				if got := first.words(t); !slices.Equal(got, []string{word}) {
					t.Errorf("%s: the first is %v", c.name, got)
				}
				if got := second.words(t); !slices.Equal(got, want) {
					t.Errorf("%s, embedded %v: the second is %v, want %v", c.name, embed, got, want)
				}
				n := uint64(1)
				for _, e := range log.all() {
					if !e.Made {
						continue
					}
					if got := parse(t, e).N; got != n {
						t.Errorf("%s: n is %d, want %d", c.name, got, n)
					}
					n++
				}
			})
		}
	}
}

// TestFailureHidesNothing has a message on its way, and behind it one with the same id that cannot be signed, or is given up:
// a third one must wait for the first, and not be given a number.
func TestFailureHidesNothing(t *testing.T) {
	for _, how := range []string{"fails", "is given up"} {
		synctest.Test(t, func(t *testing.T) {
			var fault error
			d, log := signingDoor(func(*fedmsg.Record) error {
				if how == "is given up" {
					time.Sleep(time.Minute)
				}
				return fault
			})
			log.hold()
			first := submitting(t.Context(), d, plain("node.b", "x"))
			synctest.Wait()
			ctx, cancel := context.WithCancel(t.Context())
			if how == "fails" {
				fault = errors.New("no key")
			}
			second := submitting(ctx, d, plain("node.b", "x"))
			synctest.Wait()
			cancel()
			if w := second.words(t); !slices.Equal(w, []string{"unavailable"}) {
				t.Errorf("%s: %v", how, w)
			}
			third := submitting(t.Context(), d, `{"topic":"node.b","msg":{},"id":"x"}`, made("a.last"))
			time.Sleep(time.Hour)
			log.release()
			if w := third.words(t); !slices.Equal(w, []string{"duplicate", "new"}) {
				t.Errorf("%s: %v", how, w)
			}
			if w := first.words(t); !slices.Equal(w, []string{"new"}) {
				t.Errorf("%s: %v", how, w)
			}
			if got, want := numbers(t, log), []string{"node.b 0", "a.last 1"}; !slices.Equal(got, want) {
				t.Errorf("%s: stored %v, want %v", how, got, want)
			}
		})
	}
}

// TestLastGivenUp holds that what needs no signature waits too where the last one in front of it was given up.
func TestLastGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, log := signingDoor(func(*fedmsg.Record) error { time.Sleep(time.Minute); return nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		slow := submitting(t.Context(), d, made("node.slow"))
		synctest.Wait()
		gone := submitting(ctx, d, plain("a.gone", "x"))
		if w := gone.words(t); !slices.Equal(w, []string{"unavailable"}) {
			t.Error(w)
		}
		later := submitting(t.Context(), d, plain("a.later", "y"))
		if w := append(later.words(t), slow.words(t)...); !slices.Equal(w, []string{"new", "new"}) {
			t.Error(w)
		}
		if got, want := numbers(t, log), []string{"node.slow 1", "a.later 0"}; !slices.Equal(got, want) {
			t.Errorf("stored %v, want %v", got, want)
		}
	})
}

// TestSignedTooLarge holds the limit of envelopes after a signature was put into them too.
func TestSignedTooLarge(t *testing.T) {
	for _, embed := range []bool{false, true} {
		log := newMemLog()
		line := plain("node.b", "x")
		d := newDoor(log, func(c *Config) {
			c.Limits = fedmsg.DefaultLimits()
			c.Limits.Envelope = len(line) + 10
			c.Signer = &fakeSigner{embed: embed}
		})
		want := map[bool]string{false: "new", true: "too_large"}[embed]
		if out := accept(t, d, line); word(out[0]) != want || out[0].Err != nil && !strings.Contains(out[0].Err.Error(), "limits.envelope") {
			t.Errorf("embedded %v: %v", embed, out)
		}
	}
}

// TestSignPanics holds that a signer that throws stops nobody but its caller.
func TestSignPanics(t *testing.T) {
	d, _ := signingDoor(func(r *fedmsg.Record) error {
		if r.Topic == "node.bad" {
			panic("hostile")
		}
		return nil
	})
	func() {
		defer func() {
			if v := recover(); v != "hostile" {
				t.Errorf("thrown is %v", v)
			}
		}()
		accept(t, d, made("node.bad"))
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	out, err := d.Accept(ctx, root, []byte(made("node.a")))
	if err != nil || word(out[0]) != "new" {
		t.Errorf("%v, %v", out, err)
	}
}
