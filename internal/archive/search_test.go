package archive_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/archivetest"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// TestSearchPages pages through rows both ways.
func TestSearchPages(t *testing.T) {
	t.Parallel()
	store := archivetest.NewMemory()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var drafts []archive.Draft
	for i := range 100 {
		topic := fmt.Sprintf("org.example.prod.s%d.done", i%2)
		drafts = append(drafts, archive.Draft{
			Entry: fedmsg.Entry{ID: fmt.Sprint(i), Topic: topic, Received: begin.Add(time.Duration(i/4) * time.Second)},
			Terms: []archive.Term{{Kind: archive.KindTopic, Name: topic}},
		})
	}
	if _, err := store.Append(context.Background(), drafts, fedmsg.Position{}); err != nil {
		t.Fatal(err)
	}
	topic, err := fedmsg.ParsePattern("org.example.prod.s1.done")
	if err != nil {
		t.Fatal(err)
	}
	for _, oldest := range []bool{true, false} {
		q := archive.Query{Oldest: oldest, Limit: 7, Since: begin.Add(5 * time.Second), Until: begin.Add(20 * time.Second)}
		q.Filter = filter.Filter{Topics: []fedmsg.Pattern{topic}, Scope: []fedmsg.Pattern{fedmsg.MatchAll()}}
		var got, want []string
		for i := 20; i < 80; i++ {
			if id := i; i%2 == 1 {
				if !oldest {
					id = 100 - i
				}
				want = append(want, fmt.Sprint(id))
			}
		}
		for {
			page, err := archive.NewSearcher(store).Search(t.Context(), &q)
			if err != nil || page.Partial {
				t.Fatal(page, err)
			}
			for _, row := range page.Rows {
				got = append(got, row.Entry.ID)
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("oldest first %v:\n got %v\nwant %v", oldest, got, want)
		}
	}
}

// unmeasured is a store that cannot tell how much it holds.
type unmeasured struct{ archive.Reader }

func (unmeasured) Extent(context.Context) (archive.Extent, error) {
	return archive.Extent{}, errors.New("the store was measured")
}

// TestTextMeasuresNothing: to learn how rare words are the store is not asked how large its files are.
func TestTextMeasuresNothing(t *testing.T) {
	t.Parallel()
	s := archive.NewSearcher(unmeasured{filled(t, 2000)})
	q := archive.Query{Limit: 10, Text: "word3", Users: []string{"u1"}, Filter: filter.Filter{Scope: scopeOf(t, "#")}}
	if page, err := s.Search(t.Context(), &q); err != nil || len(page.Rows) != 10 {
		t.Errorf("%d rows, %v", len(page.Rows), err)
	}
}
