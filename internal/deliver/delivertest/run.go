package delivertest

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// Run runs the suite, a subtest for each promise.
func Run(t *testing.T, target Target) {
	test := func(name string, run func(r *rig)) {
		t.Run(name, func(t *testing.T) { run(newRig(t, &target)) })
	}
	test("delivers", delivers)
	test("one at a time", oneAtATime)
	test("leaves out", leavesOut)
	test("idle", idle)
	test("again after a crash", again)
	for _, c := range faultCases() {
		test(c.name, func(r *rig) { survives(r, c) })
	}
	test("poison", poison)
	test("cut", cut)
	test("silence", silence)
	test("stops in silence", stopsInSilence)
	test("restart", restart)
}

// delivers: what is in the log and what comes, of every size, once, and the runner knows.
func delivers(r *rig) {
	want := append(r.add(300), entries(r.maker.Large("wanted"))...)
	r.log.add(want[300:])
	r.start()
	r.awaitOnce(want)
	for range 5 { // live
		want = append(want, r.add(3)...)
		r.awaitOnce(want)
	}
	r.settled(0)
	for _, d := range r.set.Deliveries(want[0]) {
		if d.State != fedmsg.DeliveryDelivered {
			r.t.Errorf("the first entry is %+v", d)
		}
	}
	r.stop()
	r.start() // and nothing comes again
	want = append(want, r.add(1)...)
	r.awaitOnce(want)
}

func oneAtATime(r *rig) {
	r.config.InFlight = 1
	want := r.add(30)
	r.start()
	r.awaitOnce(want)
}

// leavesOut: what is not of the sink's topics never arrives.
func leavesOut(r *rig) {
	wanted := r.maker.Messages(1, "wanted")[0].Topic
	pattern, err := fedmsg.ParsePattern(wanted)
	if err != nil {
		r.t.Fatal(err)
	}
	r.config.Topics = []fedmsg.Pattern{pattern}
	var want []*fedmsg.Entry
	for range 20 {
		r.log.add(entries(r.maker.Messages(2, "unwanted")...))
		want = append(want, r.add(1)...)
	}
	r.start()
	r.awaitOnce(want)
	r.settled(0)
}

// idle: the connection is let go, and the next entry opens another one.
func idle(r *rig) {
	r.config.IdleTimeout = 50 * time.Millisecond
	want := r.add(5)
	r.start()
	r.awaitOnce(want)
	r.eventually("the idle session to be closed", func() string {
		if r.between.count(callClose) == 0 {
			return "it is open"
		}
		return ""
	})
	want = append(want, r.add(5)...)
	r.awaitOnce(want)
}

// again: a crash between the answer and the saving repeats what was delivered.
func again(r *rig) {
	want := r.add(20)
	r.start()
	r.awaitOnce(want)
	r.settled(0)
	r.stop()
	saved := filepath.Join(r.dir, "saved")
	copyDir(r.t, r.places(), saved)
	r.start()
	want = append(want, r.add(40)...)
	r.awaitOnce(want)
	r.settled(0)
	r.stop()
	copyDir(r.t, saved, r.places())
	r.start()
	want = append(want, r.add(5)...)
	r.await(want)
	r.settled(0)
}

// faultCase is a call that fails now and then.
type faultCase struct {
	name  string
	at    call
	fate  fate
	every int
}

// faultCases are the pairs of *failed* and *failed but it happened*.
func faultCases() []faultCase {
	return []faultCase{
		{"open fails", callOpen, fails, 1}, {"open fails but it happened", callOpen, happened, 1},
		{"send fails", callSend, fails, 7}, {"send fails but it happened", callSend, happened, 7},
		{"flush fails", callFlush, fails, 2}, {"flush fails but it happened", callFlush, happened, 2},
		{"close fails but it happened", callClose, happened, 1}, {"session is lost", callSend, loses, 7},
	}
}

// survives: whatever fails, everything arrives, and no entry is blamed.
func survives(r *rig, c faultCase) {
	if c.at == callClose { // only what fails is closed
		r.config.IdleTimeout = 20 * time.Millisecond
	}
	r.between.fail(c.at, c.fate, c.every, 4)
	r.start()
	var want []*fedmsg.Entry
	for range 12 {
		left := r.between.pending()
		want = append(want, r.add(10)...)
		r.await(want)
		if c.at == callClose && left > 0 {
			r.eventually("the idle session to be closed", func() string {
				if r.between.pending() == left {
					return "it is open"
				}
				return ""
			})
		}
	}
	r.settled(0)
	if left := r.between.pending(); left > 0 {
		r.t.Errorf("%d of the faults did not come about", left)
	}
}

// poison: what the other side refuses for good goes to the dead letters, and stands in nobody's way.
func poison(r *rig) {
	if r.d.Poison == nil {
		r.t.Log("the target has no poison")
		return
	}
	bad := entries(r.maker.Messages(2, "wanted")...)
	for _, e := range bad {
		r.d.Poison(e)
	}
	want := r.add(5)
	r.log.add(bad[:1])
	want = append(want, r.add(5)...)
	r.log.add(bad[1:])
	want = append(want, r.add(5)...)
	r.start()
	r.await(want)
	r.settled(2)
	letters, err := r.set.DeadList(sinkName, 0, 10)
	if err != nil || len(letters) != 2 {
		r.t.Fatalf("%d dead letters, %v", len(letters), err)
	}
	for i, l := range letters {
		if l.ID != bad[i].ID || l.Reason == "" {
			r.t.Errorf("dead letter %+v, want that of %s, and why", l, bad[i].ID)
		}
		if d := r.set.Deliveries(bad[i]); len(d) != 1 || d[0].State != fedmsg.DeliveryDead {
			r.t.Errorf("the poison is %+v", d)
		}
	}
	want = append(want, r.add(5)...)
	r.await(want)
}

// cut: connections that break at any time lose nothing.
func cut(r *rig) {
	if r.d.Cut == nil {
		r.t.Log("the target has no connections to cut")
		return
	}
	r.start()
	var want []*fedmsg.Entry
	for n := range 8 {
		want = append(want, r.add(20)...)
		if n%2 == 0 { // while it sends, else when all is quiet
			r.eventually("something to be sent", func() string {
				if r.between.count(callSend) < len(want)-20+n {
					return "nothing is"
				}
				return ""
			})
		} else {
			r.await(want)
		}
		r.d.Cut(r.t)
		want = append(want, r.add(1)...)
		r.await(want)
	}
	r.settled(0)
}

// silence: a server that says nothing any more loses nothing, and is not waited for for ever.
func silence(r *rig) {
	if r.d.Pause == nil {
		r.t.Log("the target cannot be silent")
		return
	}
	r.config.AnswerTimeout = time.Second
	want := r.add(10)
	r.start()
	r.await(want)
	sent, batch := r.between.count(callSend), min(r.config.InFlight, 5)
	r.d.Pause(r.t)
	want = append(want, r.add(batch)...)
	if r.target.Batches {
		r.eventually("entries to be sent without an answer", func() string {
			if n := r.between.count(callSend) - sent; n < batch {
				return fmt.Sprintf("%d are", n)
			}
			return ""
		})
	}
	r.eventually("the silence to be noticed", func() string {
		if s := r.status(); s.LastError == "" {
			return "it is not"
		}
		return ""
	})
	r.d.Resume(r.t)
	want = append(want, r.add(10)...)
	r.await(want)
	r.settled(0)
}

// stopsInSilence: nobody waits for a server that says nothing in order to stop.
func stopsInSilence(r *rig) {
	if r.d.Pause == nil {
		r.t.Log("the target cannot be silent")
		return
	}
	want := r.add(10)
	r.start()
	r.await(want)
	r.d.Pause(r.t)
	want = append(want, r.add(5)...)
	sent := r.between.count(callSend)
	r.eventually("something to be sent", func() string {
		if r.between.count(callSend) == sent {
			return "nothing is"
		}
		return ""
	})
	r.stop()
	opened := r.between.count(callOpen)
	r.start() // and as it opens
	r.eventually("the sink to open", func() string {
		if r.between.count(callOpen) == opened {
			return "it does not"
		}
		return ""
	})
	r.stop()
	r.d.Resume(r.t)
	r.start()
	r.await(want)
	r.settled(0)
}

// restart: a server that goes away and comes back loses nothing of what it confirmed, and no entry is blamed.
func restart(r *rig) {
	if r.d.Stop == nil || r.d.Start == nil {
		r.t.Log("the target cannot be stopped")
		return
	}
	want := r.add(200)
	r.start()
	r.eventually("something to arrive", func() string {
		if len(r.d.Arrived(r.t)) == 0 {
			return "nothing does"
		}
		return ""
	})
	r.d.Stop(r.t)
	want = append(want, r.add(100)...)
	r.eventually("it to be noticed", func() string {
		if r.status().State != deliver.StateWaiting {
			return "it is not"
		}
		return ""
	})
	r.stop() // also while nobody is there
	r.start()
	r.d.Start(r.t)
	r.await(want)
	want = append(want, r.add(10)...)
	r.await(want)
	r.settled(0)
}
