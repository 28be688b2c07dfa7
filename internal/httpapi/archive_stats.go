package httpapi

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// mostPoints bounds the numbers of one answer.
const mostPoints = 100_000

// statsRequest is a question for numbers of messages as it was sent.
type statsRequest struct {
	by, bucket string
	series     archive.Series
	timeout    time.Duration
	upTo       fedmsg.Position
}

func parseStatsRequest(rawQuery string, now time.Time) (q statsRequest, err error) {
	p := newQuestion(rawQuery, now)
	q.by = p.choice("by", "topic", "category", "user", "package")
	q.bucket = p.choice("bucket", "day", "hour")
	q.series = archive.Series{
		By: kindNamed(q.by), Names: p.many("name"), From: p.moment("since"), To: p.moment("until"), Bucket: archive.Day, MostPoints: mostPoints,
	}
	if q.bucket == "hour" {
		q.series.Bucket = archive.Hour
	}
	q.timeout, q.upTo = p.timeout(), p.position("min_position")
	if f, t := q.series.From, q.series.To; !f.IsZero() && !t.IsZero() && !f.Before(t) {
		p.fail("since is not before until, so that nothing lies between")
	}
	return q, p.end()
}

// kindNamed gives what numbers are by; zero of a word that is none.
func kindNamed(by string) archive.Kind {
	return map[string]archive.Kind{
		"topic": archive.KindTopic, "category": archive.KindCategory, "user": archive.KindUser, "package": archive.KindPackage,
	}[by]
}

// handleStats answers with the numbers of messages over time.
func (s *Server) handleStats(w http.ResponseWriter, r *http.Request, id identity) {
	b, err := s.stats(r, &id)
	if err != nil {
		s.refuseQuestion(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, b)
}

// stats gives the answer of GET /v1/stats.
func (s *Server) stats(r *http.Request, id *identity) ([]byte, error) {
	q, err := parseStatsRequest(r.URL.RawQuery, time.Now())
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.asking(r, q.timeout)
	defer cancel()
	searcher, done, err := s.searcher(ctx, q.upTo)
	if err != nil {
		return nil, err
	}
	defer done()
	points, partial, err := searcher.Stats(ctx, q.series, id.read)
	if err != nil {
		return nil, s.givenUp(ctx, err)
	}
	b := append(fedmsg.AppendJSONString([]byte(`{"by":`), q.by), `,"bucket":`...)
	b = appendPoints(append(fedmsg.AppendJSONString(b, q.bucket), `,"points":[`...), points)
	return append(strconv.AppendBool(append(b, `],"partial":`...), partial), '}', '\n'), nil
}

// appendPoints appends numbers with commas between. There may be very many of them, and hundreds are of the same time.
func appendPoints(b []byte, points []archive.Point) []byte {
	const about = 80 // bytes of a number
	b = slices.Grow(b, about*len(points))
	var at []byte // of the number before, as text
	for i := range points {
		p := &points[i]
		if i > 0 {
			b = append(b, ',')
		}
		if i == 0 || !p.At.Equal(points[i-1].At) {
			at = p.At.UTC().AppendFormat(at[:0], time.RFC3339)
		}
		b = append(append(append(b, `{"at":"`...), at...), `","name":`...)
		b = append(fedmsg.AppendJSONString(b, p.Name), `,"count":`...)
		b = append(strconv.AppendInt(b, p.Count, 10), '}')
	}
	return b
}
