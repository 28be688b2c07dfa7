package archive_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/archivetest"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// TestTopicsOfOldTimes: topics that are common, but not in this part of time, are found without going through all rows, and none
// of them is passed over where the way of finding them changes.
func TestTopicsOfOldTimes(t *testing.T) {
	t.Parallel()
	const rows, old = 30_000, 3_000
	store := archivetest.NewMemory()
	var drafts []archive.Draft
	var want []string
	for i := range rows {
		topic := "new.thing"
		if i < old || i%1500 == 0 {
			topic = fmt.Sprint("old.t", i%50)
			want = append(want, fmt.Sprint(i))
		}
		drafts = append(drafts, archive.Draft{
			Entry: fedmsg.Entry{ID: fmt.Sprint(i), Topic: topic, Received: time.UnixMicro(int64(1 + i))},
			Terms: []archive.Term{{Kind: archive.KindTopic, Name: topic}},
		})
	}
	slices.Reverse(want)
	if _, err := store.Append(t.Context(), drafts, fedmsg.Position{}); err != nil {
		t.Fatal(err)
	}
	count := &asked{Reader: store}
	q := archive.Query{Limit: 50, Filter: filter.Filter{Topics: scopeOf(t, "old.*"), Scope: scopeOf(t, "#")}}
	page, err := archive.NewSearcher(count).Search(t.Context(), &q)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range page.Rows {
		got = append(got, row.Entry.ID)
	}
	if !slices.Equal(got, want[:50]) {
		t.Errorf("given  %v\nwanted %v", got, want[:50])
	}
	if count.heads > 12_000 || count.keys == 0 {
		t.Errorf("%d heads, %d keys and %d rows were looked at", count.heads, count.keys, count.rows)
	}
}

// TestFewQuestions: topics of which some rows are everywhere are found by one question, and their rows loaded by two at once. Each
// costs a store that is elsewhere a way there and back.
func TestFewQuestions(t *testing.T) {
	t.Parallel()
	const rows, oneIn = 10_000, 12
	store := archivetest.NewMemory()
	var drafts []archive.Draft
	for i := range rows {
		topic := fmt.Sprint("others.t", i%7)
		if i%oneIn == 0 {
			topic = fmt.Sprint("some.t", i/oneIn%10)
		}
		drafts = append(drafts, archive.Draft{
			Entry: fedmsg.Entry{ID: fmt.Sprint(i), Topic: topic, Received: time.UnixMicro(int64(1 + i))},
			Terms: []archive.Term{{Kind: archive.KindTopic, Name: topic}},
		})
	}
	if _, err := store.Append(t.Context(), drafts, fedmsg.Position{}); err != nil {
		t.Fatal(err)
	}
	for _, topics := range []string{"some.#", "#"} {
		count := &asked{Reader: store}
		q := archive.Query{Limit: 25, Filter: filter.Filter{Topics: scopeOf(t, topics), Scope: scopeOf(t, "#")}}
		page, err := archive.NewSearcher(count).Search(t.Context(), &q)
		if err != nil || len(page.Rows) != q.Limit || page.Next == "" {
			t.Fatalf("%s: %d rows, %q, %v", topics, len(page.Rows), page.Next, err)
		}
		if count.questions != 3 || count.rows != q.Limit || count.heads > 3*oneIn*q.Limit {
			t.Errorf("%s: %d questions, %d heads, %d rows", topics, count.questions, count.heads, count.rows)
		}
	}
}
