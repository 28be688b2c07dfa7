package receivetest

import (
	"fmt"

	"github.com/federated-messaging/fedmsg/internal/conform"
)

// acknowledges: what was not on disk when the node ended comes again, and what was does not.
func acknowledges(r *rig) {
	r.door.hold()
	r.start()
	want := r.publish(10)
	r.eventually("messages to come to the door", func() string {
		if n, _ := r.door.received(); n < 10 {
			return fmt.Sprintf("%d came", n)
		}
		return ""
	})
	r.stop()
	r.door = newDoor() // the log has none of them
	r.start()
	r.await(want)
	r.settled()
	r.stop()
	r.came(10)
	r.start()
	want = append(want, r.publish(1)...)
	r.await(want)
	r.came(11)
}

// cut: connections that break at any time lose nothing, and what comes again is a duplicate.
func cut(r *rig) {
	if r.o.Cut == nil {
		r.t.Log("the target has no connections to cut")
		return
	}
	r.start()
	var want []conform.Message
	for n := range 8 {
		want = append(want, r.publish(20)...)
		if n%2 == 1 { // when all is quiet, else while messages come
			r.await(want)
		}
		r.o.Cut(r.t)
		want = append(want, r.publish(1)...)
		r.await(want)
	}
	if s := r.status(); s.Dead > 0 {
		r.t.Errorf("dead letters%s", r.told())
	}
}

// restart: a server that goes away and comes back brings what it has kept.
func restart(r *rig) {
	if r.o.Stop == nil || r.o.Start == nil {
		r.t.Log("the target cannot be stopped")
		return
	}
	r.start()
	want := r.publish(50)
	r.eventually("something to come", func() string {
		if n, _ := r.door.received(); n == 0 {
			return "nothing does"
		}
		return ""
	})
	r.o.Stop(r.t)
	r.eventually("it to be noticed", func() string {
		if r.status().Connected {
			return "it is not"
		}
		return ""
	})
	r.stop() // also while nobody is there
	r.begin()
	r.o.Start(r.t)
	r.await(want)
	r.connected()
	want = append(want, r.publish(10)...)
	r.await(want)
}

// stopsInSilence: nobody waits for a server that says nothing in order to stop.
func stopsInSilence(r *rig) {
	if r.o.Pause == nil {
		r.t.Log("the target cannot be silent")
		return
	}
	r.start()
	want := r.publish(5)
	r.await(want)
	r.o.Pause(r.t)
	r.stop()
	r.begin() // and as it connects
	r.stop()
	r.o.Resume(r.t)
	r.start()
	want = append(want, r.publish(5)...)
	r.await(want)
}
