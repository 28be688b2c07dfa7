package archivetest

import (
	"context"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// rig is one part of the suite with its store.
type rig struct {
	*world
	t      *testing.T
	target Target
	store  archive.Store
	ctx    context.Context
}

func newRig(t *testing.T, target Target) *rig {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("FEDMSG_TEST_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("FEDMSG_TEST_SEED: %s", err)
		}
	}
	t.Logf("FEDMSG_TEST_SEED=%d", seed)
	return &rig{world: newWorld(seed), t: t, target: target, store: target.Open(t), ctx: t.Context()}
}

func (r *rig) close() { r.ok(r.store.Close()) }

// reopen opens the store anew.
func (r *rig) reopen() {
	r.close()
	r.store = r.target.Open(r.t)
}

// ok ends the part where something failed.
func (r *rig) ok(err error) {
	if err != nil {
		r.t.Helper()
		r.t.Fatal(err)
	}
}

// must gives what a call gave that must not fail.
func must[T any](r *rig) func(T, error) T {
	return func(v T, err error) T {
		r.t.Helper()
		r.ok(err)
		return v
	}
}

// equal compares what was given with what is wanted.
func (r *rig) equal(what string, got, want any) {
	r.t.Helper()
	if reflect.DeepEqual(got, want) {
		return // as nearly always; to look for differences takes long
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("%s: - wanted, + given\n%s", what, diff)
	}
}

// append puts entries into the store, with the position of the last.
func (r *rig) append(entries ...fedmsg.Entry) archive.Appended {
	r.t.Helper()
	done, err := r.store.Append(r.ctx, drafts(entries), entries[len(entries)-1].Position)
	r.ok(err)
	return done
}

// fill puts n entries into the store, in batches of every size, and gives them.
func (r *rig) fill(n int) []fedmsg.Entry {
	r.t.Helper()
	all := r.entries(n)
	for rest := all; len(rest) > 0; {
		most := min(len(rest), 1+r.IntN(1+r.IntN(200)))
		r.append(rest[:most]...)
		rest = rest[most:]
	}
	return all
}

func drafts(entries []fedmsg.Entry) []archive.Draft {
	all := make([]archive.Draft, len(entries))
	for i := range entries {
		all[i] = archive.DraftOf(&entries[i])
	}
	return all
}

// always is all time.
func always(newest bool) archive.Window {
	return archive.Window{From: 1, To: 1 << 62, Newest: newest}
}

// all gives all rows of the store, in the order of their keys.
func (r *rig) all() []archive.Row {
	r.t.Helper()
	var keys []archive.Key
	for _, h := range must[[]archive.Head](r)(r.store.Heads(r.ctx, always(false), 1<<20)) {
		keys = append(keys, h.Key)
	}
	if !slices.IsSorted(keys) || len(slices.Compact(slices.Clone(keys))) != len(keys) {
		r.t.Fatal("the keys of all rows are not in order, or some are given twice")
	}
	rows := must[[]archive.Row](r)(r.store.Rows(r.ctx, keys))
	if len(rows) != len(keys) {
		r.t.Fatalf("%d rows for %d keys", len(rows), len(keys))
	}
	return rows
}
