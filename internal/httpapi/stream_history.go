package httpapi

import (
	"context"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// history is what streams ask of the archive for what the log has no more.
type history struct {
	// ask gets one page, when the archive has everything up to the position.
	ask func(ctx context.Context, q *archive.Query, upTo fedmsg.Position) (archive.Page, error)
	// usable gives why the archive cannot be asked; nil where it can.
	usable func() error
	// gaps gives what the archive lacks.
	gaps func() []fedmsg.Gap
	// oldest gives when the oldest entry that the log still has was received; zero when it has none.
	oldest func() time.Time
}

func newHistory(s *Server) *history {
	a := s.deps.Archive
	if a == nil {
		return nil
	}
	return &history{
		ask: func(ctx context.Context, q *archive.Query, upTo fedmsg.Position) (archive.Page, error) {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(s.leaving, cancel)()
			return s.askArchive(ctx, q, upTo)
		},
		usable: func() error { _, err := a.Searcher(); return err },
		gaps:   a.Gaps,
		oldest: func() time.Time { return s.deps.Log.Info().Oldest },
	}
}

const (
	recallRows  = 256             // rows of a page
	recallTime  = time.Second     // for a page; its reader hears nothing meanwhile
	recallRest  = time.Second     // before another attempt
	recallTries = 10              // attempts one after the other that may fail
	seamSlack   = 2 * time.Second // rows of entries behind one another may have keys that are so far off
)

// seam is where the log begins.
type seam struct {
	first  uint64    // number of the oldest entry that it has, or else of the next that it will have
	oldest time.Time // when that was received; zero where it has none
}

// seam gives where the log begins now.
func (t *streams) seam() seam {
	first := t.deps.first()
	if first == 0 {
		return seam{first: t.deps.feed.Last().Seq + 1}
	}
	return seam{first, t.deps.history.oldest()} // which is not before that of first, whatever retention does meanwhile
}

// number gives the number that an entry has in this log. It is false for one of another log, and for what was imported.
func (t *streams) number(p fedmsg.Position) (uint64, bool) {
	if p.IsZero() {
		return 0, false
	}
	_, gap := t.deps.seeker.Resolve(p)
	return p.Seq, gap == nil || gap.Reason == fedmsg.GapTrimmed
}

// position is one in this log.
func (t *streams) position(seq uint64) fedmsg.Position {
	return fedmsg.Position{Log: t.deps.feed.Last().Log, Seq: seq}
}

// anything is for whoever only looks for a place.
func anything() filter.Filter { return filter.Filter{Scope: []fedmsg.Pattern{fedmsg.MatchAll()}} }
