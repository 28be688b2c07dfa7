package httpapi

import (
	"net/http"
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

// statsJSON is the answer of GET /v1/stats.
type statsJSON struct {
	By      string          `json:"by"`
	Bucket  string          `json:"bucket"`
	Points  []archive.Point `json:"points"`
	Partial bool            `json:"partial"`
}

// handleStats answers with the numbers of messages over time.
func (s *Server) handleStats(w http.ResponseWriter, r *http.Request, id identity) {
	answer, err := s.stats(r, &id)
	if err != nil {
		s.refuseQuestion(w, r, err)
		return
	}
	s.encode(w, http.StatusOK, answer)
}

func (s *Server) stats(r *http.Request, id *identity) (answer statsJSON, err error) {
	q, err := parseStatsRequest(r.URL.RawQuery, time.Now())
	if err != nil {
		return answer, err
	}
	ctx, cancel := s.asking(r, q.timeout)
	defer cancel()
	searcher, done, err := s.searcher(ctx, q.upTo)
	if err != nil {
		return answer, err
	}
	defer done()
	answer = statsJSON{By: q.by, Bucket: q.bucket, Points: []archive.Point{}}
	points, partial, err := searcher.Stats(ctx, q.series, id.read)
	if err != nil {
		return answer, s.givenUp(ctx, err)
	}
	answer.Points, answer.Partial = append(answer.Points, points...), partial
	return answer, nil
}
