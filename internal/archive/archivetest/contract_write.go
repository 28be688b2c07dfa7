package archivetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// keys: a row's key is its time, raised by one until it is free.
func keys(r *rig) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 1999, time.UTC)
	var all []fedmsg.Entry
	for i, d := range []time.Duration{0, 0, 0, 1000, 2000, 900, -time.Hour, -60 * 365 * 24 * time.Hour, -100 * 365 * 24 * time.Hour, 0} {
		e := r.entry()
		e.Received, e.ID = at.Add(d), fmt.Sprint("k", i)
		all = append(all, e)
	}
	r.append(all[:3]...)
	r.append(all[3:]...)
	first := archive.KeyOf(at)
	want := map[string]archive.Key{
		"k0": first, "k1": first + 1, "k2": first + 2, "k3": first + 3, "k4": first + 4, "k5": first + 5, "k9": first + 6,
		"k6": first - 3600_000_000, "k7": 1, "k8": 2,
	}
	got := make(map[string]archive.Key)
	for _, row := range r.all() {
		got[row.Entry.ID] = row.Key
	}
	r.equal("keys by id", got, want)
}

// rowsComeBack: every row is as its entry was, also in a store that was opened anew.
func rowsComeBack(r *rig) {
	want := r.fill(400)
	want[7].Made = true
	for range 2 {
		slices.SortStableFunc(want, func(a, b fedmsg.Entry) int { return a.Received.Compare(b.Received) })
		rows := r.all()
		if len(rows) != len(want) {
			r.t.Fatalf("%d rows of %d entries", len(rows), len(want))
		}
		for i := range rows {
			e := want[i]
			e.Made = false
			r.equal("row "+e.ID, rows[i].Entry, e)
			row, ok, err := r.store.ByID(r.ctx, e.ID)
			r.ok(err)
			if !ok || row.Key != rows[i].Key {
				r.t.Errorf("by its id %s is the row %d (%v), not %d", e.ID, row.Key, ok, rows[i].Key)
			}
			r.equal("by id", row.Entry, e)
		}
		r.reopen()
	}
	if _, ok, err := r.store.ByID(r.ctx, "nobody"); ok || err != nil {
		r.t.Errorf("a message that is not there: %v, %v", ok, err)
	}
	some := r.all()[3:9]
	asked := []archive.Key{some[5].Key, 17, some[0].Key, some[2].Key, some[0].Key + 1<<40}
	var got []string
	for _, row := range must[[]archive.Row](r)(r.store.Rows(r.ctx, asked)) {
		got = append(got, row.Entry.ID)
	}
	r.equal("rows in the order of their keys as asked", got, []string{some[5].Entry.ID, some[0].Entry.ID, some[2].Entry.ID})
}

// knownIDs: who comes again is left out, within a batch and later.
func knownIDs(r *rig) {
	all := r.entries(50)
	r.equal("first", r.append(slices.Concat(all[:30], all[10:20])...), archive.Appended{Stored: 30, Known: 10})
	r.equal("second", r.append(all...), archive.Appended{Stored: 20, Known: 30})
	r.reopen()
	again := all[3]
	again.Received, again.Topic = again.Received.Add(time.Hour), "org.example.prod.other.thing"
	r.equal("third", r.append(again), archive.Appended{Known: 1})
	if rows := r.all(); len(rows) != 50 {
		r.t.Errorf("%d rows", len(rows))
	}
	row, _, err := r.store.ByID(r.ctx, again.ID)
	r.ok(err)
	r.equal("the first stays", row.Entry, all[3])
	topics := maps.Collect(must[*archive.Topics](r)(r.store.Topics(r.ctx)).All())
	if _, ok := topics[again.Topic]; ok {
		r.t.Error("the topic of what was left out is there")
	}
}

// positions: they are kept by log, also where nothing was stored; zero ones are not.
func positions(r *rig) {
	is := func(log fedmsg.LogID, want uint64) {
		r.t.Helper()
		got := must[fedmsg.Position](r)(r.store.Position(r.ctx, log))
		if got.Seq != want || want > 0 && got.Log != log {
			r.t.Errorf("the position of %s is %v, not %d", log, got, want)
		}
	}
	other := fedmsg.LogID("cccccccccccc")
	is(ourLog, 0)
	all := r.entries(9)
	r.append(all[:5]...)
	is(ourLog, 5)
	at := fedmsg.Position{Log: ourLog, Seq: 77}
	_, err := r.store.Append(r.ctx, nil, at)
	r.ok(err)
	_, err = r.store.Append(r.ctx, drafts(all[5:7]), fedmsg.Position{})
	r.ok(err)
	_, err = r.store.Append(r.ctx, drafts(all[7:]), fedmsg.Position{Log: other, Seq: 1 << 40})
	r.ok(err)
	for range 2 {
		is(ourLog, 77)
		is(other, 1<<40)
		is("dddddddddddd", 0)
		r.reopen()
	}
}

// allOrNothing: of what was given up nothing is there, and what comes next is stored.
func allOrNothing(r *rig) {
	all := r.entries(40)
	r.append(all[:10]...)
	ctx, cancel := context.WithCancel(r.ctx)
	cancel()
	if _, err := r.store.Append(ctx, drafts(all[10:]), all[39].Position); err == nil {
		r.t.Fatal("a batch was stored for somebody who had gone")
	}
	for range 2 {
		if rows := r.all(); len(rows) != 10 {
			r.t.Fatalf("%d rows", len(rows))
		}
		if at := must[fedmsg.Position](r)(r.store.Position(r.ctx, ourLog)); at.Seq != 10 {
			r.t.Fatalf("the position is %v", at)
		}
		r.reopen()
	}
	r.equal("the next", r.append(all...), archive.Appended{Stored: 30, Known: 10})
	r.reopen()
	if rows := r.all(); len(rows) != 40 {
		r.t.Fatalf("%d rows", len(rows))
	}
}
