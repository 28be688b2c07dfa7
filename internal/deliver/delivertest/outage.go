package delivertest

import (
	"fmt"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

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
	sent := r.between.count(callSend)
	want = append(want, r.add(5)...)
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
