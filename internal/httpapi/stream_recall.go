package httpapi

import (
	"context"
	"io"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/feed"
)

// recall is the way of a stream through the archive to where the log begins. It belongs to the stream's goroutine.
//
// Along this log the order of the archive is that of the numbers, so that a row whose entry the log has is the seam: everything before
// it was given, and what is behind it the log gives.
type recall struct {
	since    time.Time     // of a reader who asked for a time; zero for one who stands at a position
	above    uint64        // the reader has everything up to this number that it is to have
	located  bool          // above and query.Since are found
	query    archive.Query // of the next page
	failures int           // attempts in a row that failed
}

// newRecall begins at a position, or, with since, at a time.
func (t *streams) newRecall(s *stream, above uint64, since time.Time) (*recall, error) {
	r := &recall{since: since, above: above, query: archive.Query{Filter: s.wanted, Oldest: true, Limit: recallRows}}
	if err := r.query.Validate(); err != nil {
		return nil, err
	}
	return r, t.deps.history.usable()
}

// remember gives the reader a page of the archive, and ends the recall at the seam.
func (s *stream) remember() error {
	if s.ending.Load() {
		return errEnd
	}
	x, r := s.newBuffer(), s.recall
	err := s.recallPage(&x)
	if err == nil {
		r.failures = 0
	} else if s.mayMend(r, err) {
		s.rest(recallRest)
		err = nil
	}
	if err == nil && s.recall != nil && len(x.b) <= chunkHead && s.due.Swap(false) {
		if s.gone() {
			err = errGone
		}
		s.recallHeartbeat(x)
	}
	x, fault := s.flush(x)
	s.owner.buffers.put(x)
	if err == nil {
		err = fault
	}
	return err
}

// mayMend reports whether what the archive failed with is worth another attempt. A turn that others have is waited for; what fails
// again and again ends the stream, whose reader may come back.
func (s *stream) mayMend(r *recall, err error) bool {
	code := fedmsg.CodeOf(err)
	if err == errEnd || s.broken || !code.Retryable() {
		return false
	}
	if code != fedmsg.CodeBusy {
		r.failures++
	}
	return r.failures < recallTries
}

// rest waits, or until the streams are shut down.
func (s *stream) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.owner.stopped:
	}
}

// recallPage asks for a page and puts it into *x.
func (s *stream) recallPage(x **buffer) error {
	t, r := s.owner, s.recall
	now := t.seam()
	if !s.imported && r.above+1 >= now.first {
		return s.passSeam(x, now)
	}
	if err := t.locate(r, now); err != nil {
		return err
	}
	if r.query.Until = (time.Time{}); !now.oldest.IsZero() {
		r.query.Until = later(now.oldest.Add(seamSlack), r.query.Since)
	}
	page, err := t.askHistory(&r.query, now)
	if err != nil {
		return err
	}
	for i := range page.Rows {
		row := &page.Rows[i]
		n, own := t.number(row.Entry.Position)
		switch {
		case own && n >= now.first:
			return s.passSeam(x, now)
		case own && n <= r.above, !own && (!s.imported || !row.Entry.Position.IsZero()):
			continue
		case own:
			s.recallGaps(*x, n)
			r.above = n
		}
		if err := s.give(x, feed.Item{Entry: &row.Entry}); err != nil {
			return err
		}
	}
	if page.Next == "" {
		return s.passSeam(x, now)
	}
	r.query.After = page.Next
	return nil
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// askHistory asks for a page of what was received before the seam.
func (t *streams) askHistory(q *archive.Query, now seam) (archive.Page, error) {
	ctx, cancel := context.WithTimeout(context.Background(), recallTime)
	defer cancel()
	return t.deps.history.ask(ctx, q, t.position(now.first-1))
}

// passSeam goes over into the log. Where its beginning has moved on meanwhile, the cursor meets a gap there, and another recall begins.
func (s *stream) passSeam(x **buffer, now seam) error {
	s.recallGaps(*x, now.first)
	s.cursor.Skip(now.first - 1)
	s.recall = nil
	return nil
}

// recallGaps tells of what the archive lacks between what the reader has and the entry with number before.
func (s *stream) recallGaps(x *buffer, before uint64) {
	for _, gap := range s.owner.deps.history.gaps() {
		if gap.To.Seq <= s.recall.above || gap.From.Seq >= before {
			continue
		}
		gap.From.Seq = max(gap.From.Seq, s.recall.above+1)
		gap.To.Seq = min(gap.To.Seq, before-1)
		x.b = s.format.appendGap(x.b, &gap)
		s.owner.told.gaps.Add(1)
		s.recall.above = gap.To.Seq
	}
}

// recallHeartbeat tells the reader where it stands. Before the first entry that has a number it stands nowhere, and begins anew if it
// comes back.
func (s *stream) recallHeartbeat(x *buffer) {
	var at fedmsg.Position
	if s.recall.above > 0 {
		at = s.owner.position(s.recall.above)
	}
	x.b = s.format.appendHeartbeat(x.b, at)
	if s.socket != nil {
		x.b = s.socket.appendPing(x.b)
	}
}

// forgotten begins a recall where retention has removed what the stream was about to read.
func (s *stream) forgotten(gap *fedmsg.Gap) error {
	if gap.Reason != fedmsg.GapTrimmed || s.owner.deps.history == nil || s.fromOldest {
		return nil
	}
	r, err := s.owner.newRecall(s, gap.From.Seq-1, time.Time{})
	if err != nil {
		return err
	}
	s.recall = r
	return io.EOF
}
