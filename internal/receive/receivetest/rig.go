package receivetest

import (
	"cmp"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/conform"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

const sourceName = "conform"

// rig is a source with its runner, an origin before it and a door behind it.
type rig struct {
	t      *testing.T
	target *Target
	o      *Origin
	door   *door
	maker  conform.Maker
	config receive.Config
	dir    string

	set *receive.Set // nil while it is stopped
}

func newRig(t *testing.T, target *Target) *rig {
	o := target.New(t)
	r := &rig{
		t: t, target: target, o: o, door: newDoor(), dir: t.TempDir(),
		maker: conform.Maker{Envelope: o.Envelope, Unsigned: target.Unsigned, MaxBody: target.MaxBody},
		config: receive.Config{
			Name: sourceName, From: "nats://127.0.0.1", Topics: []fedmsg.Pattern{fedmsg.MatchAll()}, InFlight: cmp.Or(o.InFlight, 16),
			RetryFirst: time.Millisecond, RetryMax: 100 * time.Millisecond,
		},
	}
	t.Cleanup(func() {
		if r.set != nil {
			r.stop()
		}
	})
	return r
}

// publish makes n messages and puts them into the origin.
func (r *rig) publish(n int) []conform.Message {
	r.t.Helper()
	list := r.maker.Messages(n, "wanted")
	r.o.Publish(r.t, list...)
	return list
}

func (r *rig) label() string { return "receivetest " + r.t.Name() }

// begin starts the source as a node that was started again does.
func (r *rig) begin() {
	r.t.Helper()
	set, err := receive.New([]receive.Configured{{Config: r.config, Source: r.o.Source(r.t)}},
		receive.Deps{Door: func(*receive.Config) receive.Door { return r.door }, Dir: r.dir})
	if err != nil {
		r.t.Fatal(err)
	}
	r.set = set
	conform.Labelled(r.label(), set.Start)
}

// start is begin, and waits until the source is connected.
func (r *rig) start() {
	r.t.Helper()
	r.begin()
	r.connected()
}

func (r *rig) connected() {
	r.t.Helper()
	r.eventually("the source to be connected", func() string {
		if !r.status().Connected {
			return "it is not"
		}
		return ""
	})
}

func (r *rig) status() receive.Status { return r.set.List()[0] }

// stop stops it, and holds that it stops soon and leaves nothing behind.
func (r *rig) stop() {
	r.t.Helper()
	set := r.set
	r.set = nil
	ctx, cancel := context.WithTimeout(context.Background(), conform.Prompt)
	defer cancel()
	if err := set.Stop(ctx); err != nil {
		r.t.Errorf("stop: %v", err)
	}
	r.eventually("the goroutines of the source to end", func() string {
		if left := conform.Left(r.label()); left != "" {
			return "there are still\n" + left
		}
		return ""
	})
}

// eventually waits until missing gives nothing.
func (r *rig) eventually(what string, missing func() string) {
	r.t.Helper()
	conform.Eventually(r.t, cmp.Or(r.target.patience, conform.Patience), what, missing, r.told)
}

// told is what the runner says of the source.
func (r *rig) told() string {
	if r.set == nil {
		return ""
	}
	s := r.status()
	return fmt.Sprintf("\nthe source is connected: %v, %d in flight, %d received, %d duplicates, %d dead, last error: %s",
		s.Connected, s.InFlight, s.Received, s.Duplicates, s.Dead, s.LastError)
}

// await waits until the log has all of want, and holds what the features promise of them.
func (r *rig) await(want []conform.Message) {
	r.t.Helper()
	r.eventually("messages to come", func() string { return conform.Missing(want, r.door.log()) })
	f := &r.target.Features
	for _, fault := range conform.Judge(want, r.door.log(), conform.Rules{Ordered: f.Ordered, Once: true, Lossless: f.Lossless, Unsigned: f.Unsigned}) {
		r.t.Error(fault)
	}
}

// came holds how many messages came to this door in all, those that came again included.
func (r *rig) came(want int) {
	r.t.Helper()
	if n, _ := r.door.received(); n != want {
		r.t.Errorf("%d messages came to the door, want %d", n, want)
	}
}

// settled waits until nothing is in flight.
func (r *rig) settled() {
	r.t.Helper()
	r.eventually("everything to be settled", func() string {
		if n := r.status().InFlight; n > 0 {
			return fmt.Sprintf("%d are not", n)
		}
		return ""
	})
}
