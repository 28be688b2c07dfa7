package receivetest

import (
	"fmt"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/conform"
)

// Run runs the suite, a subtest for each promise.
func Run(t *testing.T, target Target) {
	test := func(name string, run func(r *rig)) {
		t.Run(name, func(t *testing.T) { run(newRig(t, &target)) })
	}
	test("brings", brings)
	test("brings no more than may wait", bounded)
	test("door fails", func(r *rig) { survives(r, fails) })
	test("door fails but it happened", func(r *rig) { survives(r, happened) })
	test("refused", refuses)
	test("unreadable", unreadable)
	test("stops while the door is held", stopsHeld)
	if target.Kept {
		test("acknowledges what is on disk", acknowledges)
		test("cut", cut)
		test("restart", restart)
	}
	test("stops in silence", stopsInSilence)
}

// brings: everything, of every size, in order, once.
func brings(r *rig) {
	r.start()
	want := append(r.publish(300), r.maker.Large("wanted"))
	r.o.Publish(r.t, want[300])
	r.await(want)
	for range 5 { // live
		want = append(want, r.publish(3)...)
		r.await(want)
	}
	r.came(len(want))
	if s := r.status(); s.Dead > 0 || s.Duplicates > 0 {
		r.t.Errorf("dead letters or duplicates%s", r.told())
	}
}

// bounded: a door that does not answer is given no more than may be in flight.
func bounded(r *rig) {
	r.config.InFlight = 8
	r.door.hold()
	r.start()
	want := r.publish(50)
	r.eventually("what may wait to wait", func() string {
		if n, _ := r.door.received(); n < 8 {
			return fmt.Sprintf("%d messages came", n)
		}
		return ""
	})
	r.door.release()
	r.await(want)
	if _, most := r.door.received(); most > 8 {
		r.t.Errorf("%d messages waited at once, want at most 8", most)
	}
}

// survives: what the door could not take comes again, in order, and is not given up.
func survives(r *rig, f fate) {
	for n := 5; n < 200; n += 13 {
		r.door.fate[n] = f
	}
	r.start()
	var want []conform.Message
	for range 10 {
		want = append(want, r.publish(10)...)
		r.await(want)
	}
	r.settled()
	if s := r.status(); s.Dead > 0 {
		r.t.Errorf("dead letters%s", r.told())
	}
}

// refuses: what the door will never take goes to the dead letters, and does not come again.
func refuses(r *rig) {
	r.door.fate[3], r.door.fate[7] = refused, refused
	r.start()
	sent := r.publish(10)
	var want, bad []conform.Message
	for i, m := range sent {
		if i == 2 || i == 6 {
			bad = append(bad, m)
		} else {
			want = append(want, m)
		}
	}
	if !r.target.Ordered {
		r.eventually("messages to come", func() string {
			if n := len(r.door.log()); n < len(want) {
				return fmt.Sprintf("%d came", n)
			}
			return ""
		})
		return
	}
	r.await(want)
	r.eventually("the dead letters", func() string {
		if n := r.status().Dead; n != len(bad) {
			return fmt.Sprintf("there are %d", n)
		}
		return ""
	})
	letters, err := r.set.DeadList(sourceName, 0, 10)
	if err != nil || len(letters) != len(bad) {
		r.t.Fatalf("%d letters, %v", len(letters), err)
	}
	for i, l := range letters {
		full, err := r.set.DeadGet(sourceName, l.Number)
		if err != nil || r.target.Lossless && string(full.Envelope) != string(bad[i].Envelope) {
			r.t.Errorf("letter %d has the envelope %.300q, want %.300q (%v)", l.Number, full.Envelope, bad[i].Envelope, err)
		}
	}
	r.settled()
	r.stop()
	r.start()
	want = append(want, r.publish(1)...)
	r.await(want)
	if r.target.Kept {
		r.came(11)
	}
}

// unreadable: what is no message stands in nobody's way, and is not lost without a word.
func unreadable(r *rig) {
	if r.o.PublishBad == nil {
		r.t.Log("the target has nothing that cannot be read")
		return
	}
	r.start()
	want := r.publish(3)
	r.o.PublishBad(r.t)
	want = append(want, r.publish(3)...)
	r.await(want)
	r.eventually("a dead letter", func() string {
		if n := r.status().Dead; n != 1 {
			return fmt.Sprintf("there are %d", n)
		}
		return ""
	})
	r.settled()
	r.stop()
	r.start()
	want = append(want, r.publish(1)...)
	r.await(want)
	if n := r.status().Dead; r.target.Kept && n != 1 {
		r.t.Errorf("it came again: %d dead letters", n)
	}
}

// stopsHeld: a door that does not answer keeps nobody from stopping.
func stopsHeld(r *rig) {
	r.door.hold()
	r.start()
	r.publish(5)
	r.eventually("something to come", func() string {
		if n, _ := r.door.received(); n == 0 {
			return "nothing does"
		}
		return ""
	})
	r.stop()
}
