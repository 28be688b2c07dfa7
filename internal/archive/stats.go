package archive

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/facts"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// MaxPoints bounds the numbers of one answer.
const MaxPoints = 200_000

// Stats gives numbers of rows over time to a reader who may have the topics of scope, in the order of time and then of names. Topics
// and categories come from the rollups. So does all else for who may have everything; for others rows are counted, the newest
// first, until ctx ends: partial is true then.
func (s *Searcher) Stats(ctx context.Context, q Series, scope []fedmsg.Pattern) (points []Point, partial bool, err error) {
	if err := q.validate(); err != nil {
		return nil, false, err
	}
	switch {
	case slices.ContainsFunc(scope, isAll):
		points, err = s.store.Series(ctx, q)
	case q.By == KindTopic:
		points, err = s.topicSeries(ctx, q, scope)
	case q.By == KindCategory:
		points, err = s.categorySeries(ctx, q, scope)
	default:
		points, err = s.countedSeries(ctx, q, scope)
	}
	if outOfTime(ctx, err) {
		return points, true, nil
	}
	return points, false, ended(ctx, err)
}

func (q *Series) validate() error {
	switch {
	case q.By < KindTopic || q.By > KindSeverity:
		return fedmsg.Errorf(fedmsg.CodeBadRequest, "numbers are given by topic, category, user, package, sender, signer or severity")
	case q.Bucket != Hour && q.Bucket != Day:
		return fedmsg.Errorf(fedmsg.CodeBadRequest, "numbers are given by the hour or by the day")
	case q.MostPoints < 1 || q.MostPoints > MaxPoints:
		return fedmsg.Errorf(fedmsg.CodeBadRequest, "%d numbers were asked for; 1 to %d can be given", q.MostPoints, MaxPoints)
	case !q.From.IsZero() && !q.To.IsZero() && q.To.Before(q.From):
		return fedmsg.Errorf(fedmsg.CodeBadRequest, "until, %s, is before since, %s", q.To.UTC().Format(stampForm), q.From.UTC().Format(stampForm))
	}
	return validateValues("name", q.Names)
}

// topicSeries asks for the topics that the reader may have only.
func (s *Searcher) topicSeries(ctx context.Context, q Series, scope []fedmsg.Pattern) ([]Point, error) {
	topics, err := s.store.Topics(ctx)
	if err != nil {
		return nil, err
	}
	may := filter.Filter{Scope: scope}
	var names []string
	for topic := range topics.All() {
		if may.Match(topic) && (len(q.Names) == 0 || slices.Contains(q.Names, topic)) {
			names = append(names, topic)
		}
	}
	if len(names) == 0 {
		return nil, nil // no names would be all
	}
	slices.Sort(names)
	q.Names = names
	return s.store.Series(ctx, q)
}

// mostBuckets bounds how long a time is asked for at once, within what a duration can say.
const mostBuckets = 10_000

// categorySeries adds up the topics that the reader may have, as the rollups of categories know nothing of readers. It asks for as
// much time at once as an answer may have numbers.
func (s *Searcher) categorySeries(ctx context.Context, q Series, scope []fedmsg.Pattern) ([]Point, error) {
	extent, err := s.store.Extent(ctx)
	if err != nil || extent.Newest == 0 {
		return nil, err
	}
	topics, err := s.store.Topics(ctx)
	if err != nil {
		return nil, err
	}
	sum := newSum(q)
	if oldest := extent.Oldest.Time(); q.From.Before(oldest) {
		q.From = oldest
	}
	if newest := extent.Newest.Time().Add(1); q.To.IsZero() || q.To.After(newest) {
		q.To = newest
	}
	at := q.Bucket.floor(q.From)
	step := time.Duration(max(1, min(mostBuckets, MaxPoints/max(1, topics.Len())))) * q.Bucket.length()
	for ; at.Before(q.To); at = at.Add(step) {
		part := Series{By: KindTopic, Bucket: q.Bucket, From: at, To: minTime(at.Add(step), q.To), MostPoints: 2 * MaxPoints}
		points, err := s.topicSeries(ctx, part, scope)
		if err != nil {
			return sum.points(), err
		}
		for _, p := range points {
			sum.add(p.At, facts.Category(p.Name), p.Count)
		}
		if err := sum.fits(); err != nil {
			return nil, err
		}
	}
	return sum.points(), nil
}

// countedSeries counts the rows that the reader may have.
func (s *Searcher) countedSeries(ctx context.Context, q Series, scope []fedmsg.Pattern) ([]Point, error) {
	rows := Query{Filter: filter.Filter{Scope: scope}}
	if !q.From.IsZero() {
		rows.Since = q.Bucket.floor(q.From)
	}
	if !q.To.IsZero() {
		rows.Until = q.Bucket.floor(q.To.Add(q.Bucket.length() - 1))
	}
	if len(q.Names) <= MaxValues {
		switch q.By {
		case KindUser:
			rows.Users = q.Names
		case KindPackage:
			rows.Packages = q.Names
		}
	}
	sum := newSum(q)
	var tooLarge error
	err := s.Each(ctx, &rows, func(row *Row) bool {
		for _, term := range termsOf(&row.Entry) {
			if term.Kind == q.By {
				sum.add(row.Key.Time(), term.Name, 1)
			}
		}
		tooLarge = sum.fits()
		return tooLarge == nil
	})
	if tooLarge != nil {
		return nil, tooLarge
	}
	return sum.points(), err
}

// sum adds up numbers by time and name.
type sum struct {
	q      Series
	counts map[Point]int64 // by points without counts
}

func newSum(q Series) *sum { return &sum{q: q, counts: make(map[Point]int64)} }

func (s *sum) add(at time.Time, name string, n int64) {
	if len(s.q.Names) == 0 || slices.Contains(s.q.Names, name) {
		s.counts[Point{At: s.q.Bucket.floor(at), Name: name}] += n
	}
}

func (s *sum) fits() error {
	if len(s.counts) <= s.q.MostPoints {
		return nil
	}
	return fedmsg.Errorf(fedmsg.CodeTooLarge, "there are more than %d numbers; ask for a shorter time, for days, or for a few names", s.q.MostPoints)
}

func (s *sum) points() []Point {
	points := slices.SortedFunc(maps.Keys(s.counts), func(a, b Point) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Name, b.Name))
	})
	for i := range points {
		points[i].Count = s.counts[points[i]]
	}
	return points
}

func (b Bucket) length() time.Duration {
	if b == Day {
		return 24 * time.Hour
	}
	return time.Hour
}

// floor is the beginning of the bucket of a time.
func (b Bucket) floor(t time.Time) time.Time { return t.UTC().Truncate(b.length()) }

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
