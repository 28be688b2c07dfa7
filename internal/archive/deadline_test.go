package archive_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/archivetest"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// slow is a store whose every answer takes a while.
type slow struct {
	archive.Reader
	each time.Duration
}

func (s slow) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return fedmsg.WrapError(fedmsg.CodeUnavailable, ctx.Err(), "the store was asked for too long")
	case <-time.After(s.each):
		return nil
	}
}

func (s slow) Keys(ctx context.Context, term archive.Term, w archive.Window, most int) ([]archive.Key, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	return s.Reader.Keys(ctx, term, w, most)
}

func (s slow) Heads(ctx context.Context, w archive.Window, most int) ([]archive.Head, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	return s.Reader.Heads(ctx, w, most)
}

func (s slow) Rows(ctx context.Context, keys []archive.Key) ([]archive.Row, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	return s.Reader.Rows(ctx, keys)
}

// filled gives a store with n rows, a millisecond apart. Every fifth is of the topic org.example.prod.rare.thing, the next of the
// package p, and the next of the sender uid:1.
func filled(t *testing.T, n int) archive.Store {
	store := archivetest.NewMemory()
	var drafts []archive.Draft
	for i := range n {
		topic := "org.example.prod.common.thing"
		if i%5 == 0 {
			topic = "org.example.prod.rare.thing"
		}
		pkg, sender := "", "uid:0"
		switch i % 5 {
		case 1:
			pkg = "p"
		case 2:
			sender = "uid:1"
		}
		e := fedmsg.Entry{
			ID: fmt.Sprint(i), Topic: topic, Sender: sender, Received: time.UnixMilli(1_700_000_000_000 + int64(i)),
			Envelope: fmt.Appendf(nil, `{"msg":{"n":%d,"user":"u%d","text":"word%d","package":%q}}`, i, i%3, i%7, pkg),
		}
		drafts = append(drafts, archive.DraftOf(&e))
	}
	if _, err := store.Append(t.Context(), drafts, fedmsg.Position{}); err != nil {
		t.Fatal(err)
	}
	return store
}

func scopeOf(t *testing.T, texts ...string) (scope []fedmsg.Pattern) {
	for _, text := range texts {
		p, err := fedmsg.ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		scope = append(scope, p)
	}
	return scope
}

// TestDeadline: a question that takes too long is answered in time with what was found, and goes on there until nothing is left.
func TestDeadline(t *testing.T) {
	t.Parallel()
	where, err := filter.ParseWhere("msg.n % 100 == 3 or 1 == 2")
	if err != nil {
		t.Fatal(err)
	}
	store := filled(t, 5000)
	for _, oldest := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := archive.NewSearcher(slow{store, 20 * time.Millisecond})
			q := archive.Query{Limit: 20, Oldest: oldest, Filter: filter.Filter{Where: where, Scope: scopeOf(t, "#")}}
			var ids []string
			partial := 0
			for {
				ctx, cancel := context.WithTimeout(t.Context(), 130*time.Millisecond)
				begin := time.Now()
				page, err := s.Search(ctx, &q)
				cancel()
				if err != nil || time.Since(begin) > 130*time.Millisecond {
					t.Fatalf("%v after %s", err, time.Since(begin))
				}
				for _, row := range page.Rows {
					ids = append(ids, row.Entry.ID)
				}
				if page.Partial {
					partial++
				}
				if q.After = page.Next; q.After == "" {
					break
				}
			}
			var want []string
			for i := 3; i < 5000; i += 100 {
				want = append(want, fmt.Sprint(i))
			}
			if !oldest {
				slices.Reverse(want)
			}
			if !slices.Equal(ids, want) || partial < 5 {
				t.Errorf("oldest %v: %d partial pages gave %v", oldest, partial, ids)
			}
		})
	}
}

// TestDeadlineFindsNothing: the cursor goes on also where nothing was found in time.
func TestDeadlineFindsNothing(t *testing.T) {
	t.Parallel()
	store := filled(t, 2000)
	synctest.Test(t, func(t *testing.T) {
		s := archive.NewSearcher(slow{store, 20 * time.Millisecond})
		q := archive.Query{Limit: 20, Packages: []string{"p"}, Filter: filter.Filter{Senders: []string{"uid:1"}, Scope: scopeOf(t, "#")}}
		for n := 0; ; n++ {
			ctx, cancel := contextFor(t, 50*time.Millisecond)
			page, err := s.Search(ctx, &q)
			cancel()
			if err != nil || len(page.Rows) > 0 || n > 100 {
				t.Fatalf("page %d has %d rows, next %q, %v", n, len(page.Rows), page.Next, err)
			}
			if q.After = page.Next; q.After == "" {
				if n < 5 {
					t.Errorf("%d pages", n)
				}
				return
			}
		}
	})
}

// TestDeadlineEverywhere: no deadline, however short, makes an error of Search, or loses where it went on.
func TestDeadlineEverywhere(t *testing.T) {
	t.Parallel()
	store := filled(t, 300)
	synctest.Test(t, func(t *testing.T) {
		s := archive.NewSearcher(slow{store, time.Millisecond})
		for d := range 40 {
			q := archive.Query{Limit: 50, Users: []string{"u1", "u2"}, Filter: filter.Filter{Topics: scopeOf(t, "#.rare.*"), Scope: scopeOf(t, "#")}}
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(d)*time.Millisecond)
			page, err := s.Search(ctx, &q)
			cancel()
			if err != nil || page.Partial && page.Next == "" {
				t.Fatalf("%d ms: %+v, %v", d, page, err)
			}
			rows := page.Rows
			for page.Next != "" {
				q.After = page.Next
				if page, err = s.Search(t.Context(), &q); err != nil {
					t.Fatal(err)
				}
				rows = append(rows, page.Rows...)
			}
			if len(rows) != 40 {
				t.Fatalf("%d ms: %d rows in all", d, len(rows))
			}
			if err := s.Each(expired(t), &q, func(*archive.Row) bool { return true }); fedmsg.CodeOf(err) != fedmsg.CodeTimeout {
				t.Fatalf("each without time gave %v", err)
			}
			if n, more, err := s.Count(expired(t), &q, 10); n != 0 || !more || err != nil {
				t.Fatalf("a count without time gave %d, %v, %v", n, more, err)
			}
		}
	})
}

func expired(t *testing.T) context.Context {
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-1))
	t.Cleanup(cancel)
	return ctx
}

// TestGivenUp: who goes away is not told that time ran out.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	s := archive.NewSearcher(filled(t, 10))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	q := archive.Query{Limit: 1, Filter: filter.Filter{Scope: scopeOf(t, "#")}}
	if page, err := s.Search(ctx, &q); fedmsg.CodeOf(err) != fedmsg.CodeInterrupted {
		t.Errorf("%+v, %v", page, err)
	}
}
