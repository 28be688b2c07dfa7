package zeromq

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// fakeDoor takes what no rule of it refuses.
type fakeDoor struct {
	mu     sync.Mutex
	stored []string                       // SENDER/FRAME, guarded by mu
	refuse func(from, frame string) error // nil: nothing; called under mu
	calls  int                            // guarded by mu
}

func (d *fakeDoor) SubmitPublished(ctx context.Context, from fedmsg.Sender, messages ...[][]byte) fedmsg.Ticket {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	var out fakeTicket
	for _, m := range messages {
		text := string(m[0])
		err := ctx.Err()
		if d.refuse != nil && err == nil {
			err = d.refuse(from.Name, text)
		}
		if err == nil {
			d.stored = append(d.stored, from.Name+"/"+text)
		}
		out = append(out, fedmsg.Outcome{Err: err})
	}
	return out
}

func (d *fakeDoor) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.stored)
}

type fakeTicket []fedmsg.Outcome

func (t fakeTicket) Wait(context.Context) ([]fedmsg.Outcome, error) { return t, nil }

// newIntake makes an intake whose two doors are one.
func newIntake(d publishedDoor) *intake {
	return &intake{live: d, replayed: d, counts: testCounts(), logger: slog.New(slog.DiscardHandler)}
}

// testCounts is the collectors of an endpoint that nobody looks at.
func testCounts() *counts { return newMetrics(nil).of(&endpoint{kind: relayIn, address: "tcp://here"}) }

// arrivals makes them of SENDER/FRAME; a ~ before it is one that is replayed.
func arrivals(texts ...string) []arrival {
	var all []arrival
	for _, text := range texts {
		rest, replayed := strings.CutPrefix(text, "~")
		from, frame, _ := strings.Cut(rest, "/")
		all = append(all, arrival{from: fedmsg.Sender{Kind: fedmsg.SenderToken, Name: from}, frames: [][]byte{[]byte(frame)}, replayed: replayed})
	}
	return all
}

// TestIntakeTriesAgain has a door refuse for reasons of the node, and holds that everything is stored once, each sender's in
// order, when the reasons are gone, and that somebody could see why it waited.
func TestIntakeTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		full := true
		d := &fakeDoor{refuse: func(_, frame string) error {
			if full {
				return fedmsg.Errorf(fedmsg.CodeStorageFull, "the disk is full")
			}
			return nil
		}}
		in := newIntake(d)
		done := make(chan error, 1)
		go func() { done <- in.take(t.Context(), arrivals("a/1", "b/1", "a/2", "b/2", "a/3")) }()
		time.Sleep(time.Minute)
		if err := in.held(); fedmsg.CodeOf(err) != fedmsg.CodeStorageFull {
			t.Errorf("while the disk is full the reason is %v", err)
		}
		if c := in.checks("relay", "tcp://here"); len(c) != 1 || c[0].Status != ops.Warning || !strings.Contains(c[0].Text, "the disk is full") {
			t.Errorf("while the disk is full the health is %v", c)
		}
		d.mu.Lock()
		if full = false; d.calls > 100 {
			t.Errorf("%d attempts in a minute", d.calls)
		}
		d.mu.Unlock()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got, want := strings.Join(d.all(), " "), "a/1 a/2 a/3 b/1 b/2"; got != want {
			t.Errorf("stored %s, want %s", got, want)
		}
		if c := in.checks("relay", "tcp://here"); in.held() != nil || c != nil {
			t.Errorf("nothing waits any more, and the reason is %v, the health %v", in.held(), c)
		}
	})
}

// TestIntakeLetsGo holds that what is refused for good is counted by reason and stands in nobody's way, an outdated revocation
// list among it.
func TestIntakeLetsGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reasons := map[string]fedmsg.Code{"1": fedmsg.CodeBadJSON, "2": fedmsg.CodeStaleCRL, "3": fedmsg.CodeForbidden, "5": fedmsg.CodeBadJSON}
		d := &fakeDoor{refuse: func(_, frame string) error {
			if code := reasons[frame]; code != "" {
				return fedmsg.Errorf(code, "no")
			}
			return nil
		}}
		in := newIntake(d)
		if err := in.take(t.Context(), arrivals("a/1", "a/2", "a/3", "a/4", "a/5", "a/6")); err != nil {
			t.Error(err)
		}
		if got, want := strings.Join(d.all(), " "), "a/4 a/6"; got != want {
			t.Errorf("stored %s, want %s", got, want)
		}
		for code, want := range map[fedmsg.Code]float64{fedmsg.CodeBadJSON: 2, fedmsg.CodeStaleCRL: 1, fedmsg.CodeForbidden: 1} {
			if n := valueOf(t, in.counts.refusals.WithLabelValues(string(code))); n != want {
				t.Errorf("%v refusals are counted as %s, want %v", n, code, want)
			}
		}
		if d.calls != 1 {
			t.Errorf("%d submissions, want one", d.calls)
		}
	})
}

// TestIntakeStops holds that the end of a node ends the waiting, and that what came is still handed in once.
func TestIntakeStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := &fakeDoor{refuse: func(_, frame string) error {
			if frame == "2" {
				return fedmsg.Errorf(fedmsg.CodeUnavailable, "the node stops")
			}
			return nil
		}}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := newIntake(d).take(ctx, arrivals("a/1", "a/2", "a/3"))
		if err == nil || !strings.Contains(err.Error(), "1 messages could not be stored") {
			t.Errorf("got %v", err)
		}
		if got, want := strings.Join(d.all(), " "), "a/1 a/3"; got != want {
			t.Errorf("stored %s, want %s", got, want)
		}
	})
}

// TestIntakeDoors holds that what was replayed goes through its own door, and that no message of a sender overtakes another.
func TestIntakeDoors(t *testing.T) {
	t.Parallel()
	shared := &fakeDoor{}
	in := newIntake(shared)
	in.replayed = renamed{shared, "replayed:"}
	if err := in.take(t.Context(), arrivals("a/5", "b/1", "~a/6", "~a/7", "b/2", "a/8")); err != nil {
		t.Error(err)
	}
	if got, want := strings.Join(shared.all(), " "), "a/5 b/1 b/2 replayed:a/6 replayed:a/7 a/8"; got != want {
		t.Errorf("stored %s, want %s", got, want)
	}
}

// TestIntakeOrder refuses the first of a sender's messages for now, and holds that those that go through the other door wait for it.
func TestIntakeOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		full := true
		d := &fakeDoor{refuse: func(_, frame string) error {
			if frame == "2" && full {
				full = false
				return fedmsg.Errorf(fedmsg.CodeStorageFull, "the disk is full")
			}
			return nil
		}}
		if err := newIntake(d).take(t.Context(), arrivals("a/1", "~a/2", "b/1", "a/3", "~a/4")); err != nil {
			t.Error(err)
		}
		if got, want := strings.Join(d.all(), " "), "a/1 b/1 a/2 a/3 a/4"; got != want {
			t.Errorf("stored %s, want %s", got, want)
		}
	})
}

// renamed is another entrance to a door.
type renamed struct {
	*fakeDoor
	name string
}

func (r renamed) SubmitPublished(ctx context.Context, from fedmsg.Sender, messages ...[][]byte) fedmsg.Ticket {
	from.Name = r.name + from.Name
	return r.fakeDoor.SubmitPublished(ctx, from, messages...)
}

// valueOf reads a counter or gauge.
func valueOf(t *testing.T, m prometheus.Metric) float64 {
	t.Helper()
	var out dto.Metric
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.GetCounter().GetValue() + out.GetGauge().GetValue()
}
