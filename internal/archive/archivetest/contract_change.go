package archivetest

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// seriesOf asks for all numbers of a kind.
func seriesOf(by archive.Kind, bucket archive.Bucket) archive.Series {
	return archive.Series{By: by, Bucket: bucket, MostPoints: 1 << 20}
}

// sameSeries compares the numbers over time with those of the model.
func (r *rig) sameSeries(what string, model archive.Store, q archive.Series) {
	r.t.Helper()
	got := must[[]archive.Point](r)(r.store.Series(r.ctx, q))
	for i := range got {
		got[i].At = got[i].At.UTC()
	}
	r.equal(fmt.Sprintf("%s: %+v", what, q), got, must[[]archive.Point](r)(model.Series(r.ctx, q)))
}

// seriesKinds are those that numbers are asked for by.
func seriesKinds() []archive.Kind {
	return []archive.Kind{
		archive.KindTopic, archive.KindCategory, archive.KindUser, archive.KindPackage, archive.KindSender, archive.KindSigner, archive.KindSeverity,
	}
}

// modelled gives the model with what the store is given, and a function that gives it to both.
func (r *rig) modelled() (model archive.Store, add func(entries []fedmsg.Entry)) {
	model = NewMemory()
	return model, func(entries []fedmsg.Entry) {
		for _, s := range []archive.Store{model, r.store} {
			_, err := s.Append(r.ctx, drafts(entries), entries[len(entries)-1].Position)
			r.ok(err)
		}
	}
}

// series: numbers of rows over time are exact at any time.
func series(r *rig) {
	model, add := r.modelled()
	begin := r.now
	for range 8 {
		batch := r.entries(1 + r.IntN(120))
		add(append(batch, batch[0])) // one that is known is not counted
		for _, by := range seriesKinds() {
			q := seriesOf(by, archive.Bucket(1+r.IntN(2)))
			if r.IntN(2) == 0 {
				q.From = begin.Add(time.Duration(r.IntN(int(max(1, r.now.Sub(begin))))))
			}
			if r.IntN(2) == 0 {
				q.To = begin.Add(time.Duration(r.IntN(int(max(1, r.now.Sub(begin))))))
			}
			if by == archive.KindUser && r.IntN(2) == 0 {
				q.Names = r.some(users(), 4)
			}
			r.sameSeries("series", model, q)
		}
		r.reopen()
	}
	q := seriesOf(archive.KindTopic, archive.Hour)
	q.MostPoints = len(must[[]archive.Point](r)(r.store.Series(r.ctx, q)))
	r.sameSeries("as many as are allowed", model, q)
	q.MostPoints--
	if _, err := r.store.Series(r.ctx, q); fedmsg.CodeOf(err) != fedmsg.CodeTooLarge {
		r.t.Errorf("more than are allowed: %v", err)
	}
}

// redacts: the payload and what it was found by are gone, the rest stays.
func redacts(r *rig) {
	model, add := r.modelled()
	entries := r.entries(300)
	secret := &entries[150]
	secret.Envelope = []byte(`{"msg":{"users":["ralph","ann"],"packages":["gdb"],"text":"hunter2 the"}}`)
	add(entries)
	said := archive.Redaction{ID: secret.ID, SHA256: "aa", Reason: "a password, \"sorry\"", By: "uid:0", At: time.Date(2026, 5, 1, 2, 3, 4, 5000, time.UTC)}
	later := said
	later.Reason = "again"
	for _, what := range []archive.Redaction{said, later, {ID: entries[7].ID, By: "token:x", At: said.At}} {
		for _, s := range []archive.Store{model, r.store} {
			if there := must[bool](r)(s.Redact(r.ctx, what)); !there {
				r.t.Fatal("there is no row to redact")
			}
		}
	}
	if there := must[bool](r)(r.store.Redact(r.ctx, archive.Redaction{ID: "nobody"})); there {
		r.t.Error("a row was redacted that is not there")
	}
	for range 2 {
		row, ok, err := r.store.ByID(r.ctx, secret.ID)
		r.ok(err)
		if !ok || row.Redaction == nil {
			r.t.Fatalf("the redacted row is %+v (%v)", row, ok)
		}
		r.equal("what was said", *row.Redaction, said)
		r.sameRows(model)
		if keys := must[[]archive.Key](r)(r.store.Words(r.ctx, []string{"hunter2"}, always(true), 10)); len(keys) > 0 {
			r.t.Errorf("the words of the redacted row are found: %v", keys)
		}
		for _, term := range archive.DraftOf(secret).Terms {
			r.sameKeys(model, term)
		}
		for _, by := range seriesKinds() {
			r.sameSeries("redacted", model, seriesOf(by, archive.Day))
		}
		r.equal("it comes again", r.append(*secret), archive.Appended{Known: 1})
		r.reopen()
	}
}

// takesRedacted: entries whose payload was erased before they came are rows like those that were redacted here, before and after it
// is said who did it.
func takesRedacted(r *rig) {
	model, add := r.modelled()
	entries := r.entries(100)
	for i := range entries {
		if e := &entries[i]; i%9 == 0 {
			*e = fedmsg.Entry{Position: e.Position, Received: e.Received, ID: e.ID, Topic: e.Topic, Redacted: true}
		}
	}
	add(entries[:60])
	add(entries[60:])
	for _, redaction := range []archive.Redaction{{}, {ID: entries[9].ID, SHA256: "ab", Reason: "a key", By: "uid:0", At: r.now.Truncate(time.Microsecond)}} {
		for _, s := range []archive.Store{model, r.store} {
			_, err := s.Redact(r.ctx, redaction)
			r.ok(err)
		}
		r.sameRows(model)
		for _, e := range entries[:30] {
			for _, term := range archive.DraftOf(&e).Terms {
				r.sameKeys(model, term)
			}
		}
		for _, by := range seriesKinds() {
			r.sameSeries("redacted before", model, seriesOf(by, archive.Hour))
		}
		last := must[archive.Key](r)(r.store.Reindex(r.ctx, 0, 1<<10, archive.DraftOf))
		if all := r.all(); last != all[len(all)-1].Key {
			r.t.Errorf("reindexing ended at %d", last)
		}
		r.reopen()
	}
}

// sameRows compares all rows with those of the model.
func (r *rig) sameRows(model archive.Store) {
	r.t.Helper()
	heads := must[[]archive.Head](r)(model.Heads(r.ctx, always(false), 1<<20))
	rows := r.all()
	if len(rows) != len(heads) {
		r.t.Fatalf("%d rows, not %d", len(rows), len(heads))
	}
	for i, want := range heads {
		row := must[[]archive.Row](r)(model.Rows(r.ctx, []archive.Key{want.Key}))[0]
		if !bytes.Equal(row.Entry.Envelope, rows[i].Entry.Envelope) {
			r.t.Fatalf("the envelope of %s is\n%.300s\nnot\n%.300s", row.Entry.ID, rows[i].Entry.Envelope, row.Entry.Envelope)
		}
		r.equal("row", rows[i], row)
	}
}

// sameKeys compares the rows of a term with those of the model.
func (r *rig) sameKeys(model archive.Store, term archive.Term) {
	r.t.Helper()
	r.equal(fmt.Sprint(term), must[[]archive.Key](r)(r.store.Keys(r.ctx, term, always(true), 1<<20)),
		must[[]archive.Key](r)(model.Keys(r.ctx, term, always(true), 1<<20)))
}

// reindexes: the rows stay and what they are found by is worked out anew, piece by piece, while rows come in.
func reindexes(r *rig) {
	model, add := r.modelled()
	add(r.entries(250))
	erased := archive.Redaction{ID: r.all()[9].Entry.ID, By: "uid:0", At: r.now.Truncate(time.Microsecond)}
	for _, s := range []archive.Store{model, r.store} {
		_, err := s.Redact(r.ctx, erased)
		r.ok(err)
	}
	// As a later version would have it: users are called otherwise, and there is a word more.
	derive := func(e *fedmsg.Entry) archive.Draft {
		d := archive.DraftOf(e)
		for i, term := range d.Terms {
			if term.Kind == archive.KindUser {
				d.Terms[i].Name = "new:" + term.Name
			}
		}
		d.Words = append(slices.Clone(d.Words), "newword")
		return d
	}
	for behind := archive.Key(0); ; {
		last := must[archive.Key](r)(r.store.Reindex(r.ctx, behind, 40, derive))
		if last == 0 {
			break
		}
		if last <= behind {
			r.t.Fatalf("reindexing went from %d to %d", behind, last)
		}
		if behind == 0 {
			add(r.entries(30))
		}
		behind = last
	}
	_, err := model.Reindex(r.ctx, 0, 1<<20, derive)
	r.ok(err)
	for range 2 {
		r.sameRows(model)
		for _, row := range r.all()[:60] {
			for _, term := range slices.Concat(derive(&row.Entry).Terms, archive.DraftOf(&row.Entry).Terms) {
				r.sameKeys(model, term)
			}
		}
		for _, by := range seriesKinds() {
			r.sameSeries("reindexed", model, seriesOf(by, archive.Hour))
		}
		if n := len(must[[]archive.Key](r)(r.store.Words(r.ctx, []string{"newword"}, always(false), 1<<20))); n != 280 {
			r.t.Errorf("%d rows have the new word", n)
		}
		r.reopen()
	}
}
