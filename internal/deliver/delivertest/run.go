package delivertest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
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
