package httpapi

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// Feed is the live end of the log.
type Feed interface {
	// Cursor stands behind the entry with number after.
	Cursor(after uint64) *feed.Cursor
	// Last is the position of the newest entry.
	Last() fedmsg.Position
}

// streamDeps is what streams are made from.
type streamDeps struct {
	feed   Feed
	seeker Seeker
	first  func() uint64 // number of the oldest entry that the log still has; 0 when it has none
	logger *slog.Logger

	history *history // what the log has no more; nil without an archive
}

// streams owns every open stream: their number, their heartbeats, their write deadlines and their end. A stream costs one
// small goroutine and no timer; one goroutine keeps the time for all of them.
type streams struct {
	cfg     StreamConfig
	deps    streamDeps
	buffers bufferPool
	told    streamCounts
	ahead   aheadNotice
	clock   atomic.Int64 // nanoseconds since start, as of the last tick; never 0
	start   time.Time

	stopped chan struct{} // closed when shutdown begins
	running sync.WaitGroup

	mu       sync.Mutex
	admitted int       // streams open or about to be; guarded by mu
	where    int       // bytes of their expressions; guarded by mu
	open     []*stream // guarded by mu
	ticking  bool      // the goroutine that keeps the time runs; guarded by mu
	closed   bool      // guarded by mu
}

// streamCounts is what all streams have told their readers since the start, for the metrics.
type streamCounts struct {
	messages atomic.Uint64 // written
	gaps     atomic.Uint64
	cut      atomic.Uint64 // readers that were cut because they did not read
}

func newStreams(s *Server) *streams {
	return makeStreams(s.cfg.Stream, streamDeps{
		feed: s.deps.Feed, seeker: s.deps.Seeker, logger: s.deps.Logger,
		first:   func() uint64 { return s.deps.Log.Info().First },
		history: newHistory(s),
	})
}

func makeStreams(c StreamConfig, d streamDeps) *streams {
	if d.logger == nil {
		d.logger = slog.New(slog.DiscardHandler)
	}
	t := &streams{cfg: c, deps: d, start: time.Now(), stopped: make(chan struct{})}
	t.buffers.most = int64(c.BufferBytes / bigBuffer)
	t.clock.Store(1)
	return t
}

// count is the number of streams that are open.
func (t *streams) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.admitted
}

// maxStreamsWhere bounds the expressions of all open streams together, in bytes of text. In memory one may take some twenty times
// as much.
const maxStreamsWhere = 1 << 20

// admit counts one more stream with this filter, or says why there cannot be one. Whoever is admitted calls leave in the end.
func (t *streams) admit(f *filter.Filter) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "the node is stopping; read on from the last position when it is back")
	}
	if t.admitted >= t.cfg.Max {
		return fedmsg.Errorf(fedmsg.CodeBusy, "%d streams are open; http.stream.max is %d; try again later", t.admitted, t.cfg.Max)
	}
	where := len(f.Where.String())
	if t.where+where > maxStreamsWhere {
		return fedmsg.Errorf(fedmsg.CodeBusy, "the streams that are open have as many where expressions as there may be; try again later, or ask without where")
	}
	t.where += where
	t.admitted++
	t.running.Add(1)
	if !t.ticking {
		t.ticking = true
		t.running.Go(t.tick)
	}
	return nil
}

// leave takes back what admit counted.
func (t *streams) leave(f *filter.Filter) {
	t.mu.Lock()
	t.admitted--
	t.where -= len(f.Where.String())
	t.mu.Unlock()
	t.running.Done()
}

// run serves one stream in a goroutine of its own, until its reader leaves, is cut, has what it asked for, or shutdown.
func (t *streams) run(s *stream) {
	t.mu.Lock()
	s.index = len(t.open)
	t.open = append(t.open, s)
	if t.closed {
		s.end()
	}
	t.mu.Unlock()
	if s.socket != nil {
		t.running.Go(func() { s.socket.listen(s.end) })
	}
	go s.run()
}

func (t *streams) forget(s *stream) {
	t.mu.Lock()
	last := len(t.open) - 1
	t.open[s.index] = t.open[last]
	t.open[s.index].index = s.index
	t.open[last] = nil
	t.open = t.open[:last]
	t.mu.Unlock()
	t.leave(&s.wanted)
}

// tick keeps the time for all streams.
func (t *streams) tick() {
	ticker := time.NewTicker(t.step())
	defer ticker.Stop()
	for {
		select {
		case <-t.stopped:
			return
		case <-ticker.C:
			t.at(int64(time.Since(t.start)) | 1)
		}
	}
}

func (t *streams) step() time.Duration {
	return max(min(t.cfg.Heartbeat, t.cfg.WriteTimeout)/8, time.Millisecond)
}

// at tells all streams what time it is, in nanoseconds since start.
func (t *streams) at(now int64) {
	t.clock.Store(now)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.open {
		s.check(now, int64(t.cfg.Heartbeat-t.step()), int64(t.cfg.WriteTimeout))
	}
}

// shutdown ends every stream and waits for them. When ctx ends first, their connections are cut.
func (t *streams) shutdown(ctx context.Context) error {
	t.mu.Lock()
	if !t.closed {
		t.closed = true
		close(t.stopped)
	}
	for _, s := range t.open {
		s.end()
	}
	t.mu.Unlock()

	done := make(chan struct{})
	go func() { t.running.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	left := len(t.open)
	for _, s := range t.open {
		s.cut()
	}
	t.mu.Unlock()
	<-done
	return fedmsg.WrapError(fedmsg.CodeTimeout, ctx.Err(), "%d streams did not end in time and were cut", left)
}

// past is a deadline that has gone by: what waits for the connection returns at once.
var past = time.Unix(1, 0)
