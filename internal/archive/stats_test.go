package archive_test

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/archivetest"
)

// fillRandom puts n rows into a store and gives them.
func fillRandom(t *testing.T, store archive.Store, n int) []archive.Draft {
	random := rand.New(rand.NewPCG(7, 7))
	at := time.Date(2025, 12, 31, 20, 0, 0, 0, time.UTC)
	pick := func(names ...string) string { return names[random.IntN(len(names))] }
	var drafts []archive.Draft
	for i := range n {
		at = at.Add(time.Duration(random.IntN(int(time.Hour))))
		e := fedmsg.Entry{
			ID: string(rune(0x4e00 + i)), Received: at, Topic: "org.example.prod." + pick("git", "bts", "wiki") + pick(".a", ".b", ".secret.c"),
			Envelope: []byte(`{"msg":{"user":"` + pick("ann", "bob") + `","package":"` + pick("gdb", "bash") + `"}}`),
			Sender:   pick("uid:1", "uid:2"),
		}
		drafts = append(drafts, archive.DraftOf(&e))
	}
	if _, err := store.Append(t.Context(), drafts, fedmsg.Position{}); err != nil {
		t.Fatal(err)
	}
	return drafts
}

// counted is the numbers by looking at every row that a reader may have.
func counted(rows []archive.Draft, q archive.Series, scope []fedmsg.Pattern) []archive.Point {
	length := map[archive.Bucket]time.Duration{archive.Hour: time.Hour, archive.Day: 24 * time.Hour}[q.Bucket]
	numbers := make(map[archive.Point]int64)
	for _, row := range rows {
		at := row.Entry.Received.Truncate(length)
		if !slices.ContainsFunc(scope, func(p fedmsg.Pattern) bool { return p.Match(row.Entry.Topic) }) || !at.Before(q.To) || !at.Add(length).After(q.From) {
			continue
		}
		for _, term := range row.Terms {
			if term.Kind == q.By && (len(q.Names) == 0 || slices.Contains(q.Names, term.Name)) {
				numbers[archive.Point{At: at, Name: term.Name}]++
			}
		}
	}
	points := slices.SortedFunc(maps.Keys(numbers), func(a, b archive.Point) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Name, b.Name)) })
	for i := range points {
		points[i].Count = numbers[points[i]]
	}
	return points
}

// TestStats: every reader is given the numbers of what they may have, and of nothing else.
func TestStats(t *testing.T) {
	t.Parallel()
	store := archivetest.NewMemory()
	rows := fillRandom(t, store, 800)
	begin := rows[0].Entry.Received
	s := archive.NewSearcher(store)
	for _, scope := range [][]string{{"#"}, {"org.example.prod.*.a", "org.example.prod.bts.#"}, {"org.example.prod.git.b"}, {"nothing"}, {}} {
		scope := scopeOf(t, scope...)
		for _, q := range []archive.Series{
			{By: archive.KindTopic, Bucket: archive.Day}, {By: archive.KindCategory, Bucket: archive.Day}, {By: archive.KindCategory, Bucket: archive.Hour},
			{By: archive.KindUser, Bucket: archive.Hour}, {By: archive.KindPackage, Bucket: archive.Day}, {By: archive.KindSender, Bucket: archive.Day},
			{By: archive.KindUser, Bucket: archive.Day, Names: []string{"ann"}}, {By: archive.KindCategory, Bucket: archive.Day, Names: []string{"git", "x"}},
			{By: archive.KindTopic, Bucket: archive.Hour, Names: []string{"org.example.prod.git.secret.c", "org.example.prod.git.a"}},
		} {
			for _, span := range []time.Duration{0, 5 * time.Hour, 100 * time.Hour} {
				q.From, q.To, q.MostPoints = begin.Add(span), begin.Add(3*span+time.Hour), archive.MaxPoints
				got, partial, err := s.Stats(t.Context(), q, scope)
				if err != nil || partial {
					t.Fatal(err, partial)
				}
				if diff := gocmp.Diff(counted(rows, q, scope), got); diff != "" {
					t.Errorf("%+v in %v: - wanted, + given\n%s", q, scope, diff)
				}
			}
			all := q
			all.From, all.To = time.Time{}, time.Time{}
			got, _, err := s.Stats(t.Context(), all, scope)
			all.To = time.Now().AddDate(1000, 0, 0)
			if diff := gocmp.Diff(counted(rows, all, scope), got); err != nil || diff != "" {
				t.Errorf("%+v in %v: %v, - wanted, + given\n%s", q, scope, err, diff)
			}
		}
	}
}

// TestStatsOfCategories: no row is read for the numbers of a reader's categories.
func TestStatsOfCategories(t *testing.T) {
	t.Parallel()
	store := archivetest.NewMemory()
	fillRandom(t, store, 100)
	count := &asked{Reader: store}
	q := archive.Series{By: archive.KindCategory, Bucket: archive.Day, MostPoints: 1000}
	points, _, err := archive.NewSearcher(count).Stats(t.Context(), q, scopeOf(t, "#.a", "#.b"))
	if err != nil || len(points) < 6 || count.questions > 0 {
		t.Errorf("%d numbers by %d questions, %v", len(points), count.questions, err)
	}
}

// TestStatsBounds: too many numbers are refused, and time that runs out gives some.
func TestStatsBounds(t *testing.T) {
	t.Parallel()
	store := archivetest.NewMemory()
	fillRandom(t, store, 500)
	s := archive.NewSearcher(store)
	for _, q := range []archive.Series{{By: archive.KindTopic}, {By: archive.KindCategory}, {By: archive.KindUser}} {
		q.Bucket, q.MostPoints = archive.Hour, 10
		if _, _, err := s.Stats(t.Context(), q, scopeOf(t, "#.a")); fedmsg.CodeOf(err) != fedmsg.CodeTooLarge {
			t.Errorf("%+v: %v", q, err)
		}
	}
	for _, q := range []archive.Series{
		{By: archive.KindBoth, Bucket: archive.Day, MostPoints: 1}, {By: archive.KindTopic, MostPoints: 1}, {By: archive.KindTopic, Bucket: archive.Day},
		{By: archive.KindTopic, Bucket: archive.Day, MostPoints: 1, From: time.Unix(2, 0), To: time.Unix(1, 0)},
	} {
		if _, _, err := s.Stats(t.Context(), q, nil); fedmsg.CodeOf(err) != fedmsg.CodeBadRequest {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if _, partial, err := s.Stats(expired(t), archive.Series{By: archive.KindUser, Bucket: archive.Day, MostPoints: 100}, scopeOf(t, "#")); !partial || err != nil {
		t.Errorf("without time: partial %v, %v", partial, err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := contextFor(t, 50*time.Millisecond)
		defer stop()
		points, partial, err := archive.NewSearcher(slow{store, 5 * time.Millisecond}).Stats(ctx, archive.Series{By: archive.KindUser, Bucket: archive.Day, MostPoints: 100}, scopeOf(t, "#.a"))
		if err != nil || !partial || len(points) == 0 {
			t.Errorf("%d numbers, partial %v, %v", len(points), partial, err)
		}
	})
}
