package delivertest

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/conform"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

const sinkName = "conform"

// rig is a sink with its runner, a log before it and a destination behind it.
type rig struct {
	t       *testing.T
	target  *Target
	d       *Destination
	log     *memoryLog
	maker   conform.Maker
	between *between
	config  deliver.Config
	dir     string

	set *deliver.Set // nil while it is stopped
}

func newRig(t *testing.T, target *Target) *rig {
	d := target.New(t)
	r := &rig{
		t: t, target: target, d: d, log: newLog(), between: newBetween(d.Sink), dir: t.TempDir(),
		maker: conform.Maker{Rename: d.Topic, Envelope: d.Envelope, Unsigned: target.Unsigned, MaxBody: target.MaxBody},
		config: deliver.Config{
			Name: sinkName, Command: []string{"/bin/true"}, Topics: []fedmsg.Pattern{fedmsg.MatchAll()}, Start: "beginning", InFlight: d.InFlight,
			RetryFirst: time.Millisecond, RetryMax: 100 * time.Millisecond,
		},
	}
	if r.config.InFlight == 0 {
		r.config.InFlight = 16
	}
	t.Cleanup(func() {
		if r.set != nil {
			r.stop()
		}
	})
	return r
}

// add makes n entries, puts them into the log and gives them.
func (r *rig) add(n int) []*fedmsg.Entry {
	list := entries(r.maker.Messages(n, "wanted")...)
	r.log.add(list)
	return list
}

// label marks the goroutines of the runner and all that they start.
func (r *rig) label() string { return "delivertest " + r.t.Name() }

// places is the directory of the saved place.
func (r *rig) places() string { return filepath.Join(r.dir, "places") }

// start starts the runner where it stood.
func (r *rig) start() {
	r.t.Helper()
	set, err := deliver.New([]deliver.Configured{{Config: r.config, Sink: r.between}},
		deliver.Deps{Log: r.log, Places: r.places(), Dir: filepath.Join(r.dir, "sinks")})
	if err != nil {
		r.t.Fatal(err)
	}
	r.set = set
	conform.Labelled(r.label(), set.Start)
}

// stop stops it, and holds that it stops soon and leaves nothing behind.
func (r *rig) stop() {
	r.t.Helper()
	set := r.set
	r.set = nil
	ctx, cancel := context.WithTimeout(context.Background(), conform.Prompt/2)
	defer cancel()
	begin := time.Now()
	err := set.Stop(ctx)
	if took := time.Since(begin); took > conform.Prompt {
		r.t.Errorf("it took %v to stop", took)
	}
	if err != nil {
		r.t.Logf("stop: %v", err)
	}
	r.eventually("the goroutines of the sink to end", func() string {
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

// told is what the runner says of the sink.
func (r *rig) told() string {
	if r.set == nil {
		return ""
	}
	s := r.set.List()[0]
	return fmt.Sprintf("\nthe sink is %s, %d in flight, %d delivered, %d dead, last error: %s", s.State, s.InFlight, s.Delivered, s.Dead, s.LastError)
}

// status is the sink's.
func (r *rig) status() deliver.Status { return r.set.List()[0] }

// await waits until all of want have arrived, and holds what the features promise of them.
func (r *rig) await(want []*fedmsg.Entry) []Arrival {
	r.t.Helper()
	var all []Arrival
	sent := messages(want)
	r.eventually("entries to arrive", func() string {
		all = r.d.Arrived(r.t)
		return conform.Missing(sent, all)
	})
	f := &r.target.Features
	for _, fault := range conform.Judge(sent, all, conform.Rules{Ordered: f.Ordered, Once: f.Once, Lossless: f.Lossless, Unsigned: f.Unsigned}) {
		r.t.Error(fault)
	}
	return all
}

// awaitOnce is await where nothing failed: then nothing comes twice, whatever the kind.
func (r *rig) awaitOnce(want []*fedmsg.Entry) {
	r.t.Helper()
	if all := r.await(want); len(all) != len(want) {
		r.t.Errorf("%d messages arrived, want %d: nothing failed, so nothing comes twice", len(all), len(want))
	}
}

// settled waits until the place is saved behind the last entry of the log and holds how many are dead.
func (r *rig) settled(dead int) {
	r.t.Helper()
	r.eventually("the place behind the last entry", func() string {
		if at := r.set.Places()[sinkName]; at != r.log.End() {
			return fmt.Sprintf("it is %s", at)
		}
		return ""
	})
	if s := r.status(); s.Dead != dead {
		r.t.Errorf("%d dead letters, want %d%s", s.Dead, dead, r.told())
	}
}

// copyDir copies the files of a directory.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}
