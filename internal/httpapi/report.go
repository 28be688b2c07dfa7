package httpapi

import (
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// reportEvery is the least time between two log lines of one code: a full disk refuses 100,000 messages a second.
const reportEvery = time.Second

// reporter holds back repeated errors. The zero value is ready.
type reporter struct {
	mu   sync.Mutex
	last map[fedmsg.Code]reported // under mu; at most one for each code
}

// reported is when a code was last logged, and how often it was held back since.
type reported struct {
	at      time.Time
	dropped int
}

// allow reports whether an error of the code is to be logged now, and how many were not since the last.
func (p *reporter) allow(code fedmsg.Code, now time.Time) (dropped int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, seen := p.last[code]
	if seen && now.Sub(r.at) < reportEvery {
		r.dropped++
		p.last[code] = r
		return 0, false
	}
	if p.last == nil {
		p.last = make(map[fedmsg.Code]reported)
	}
	p.last[code] = reported{at: now}
	return r.dropped, true
}

// report logs an error that is the operator's business: one with an inside, or a limit of this server. What only a sender
// did wrong is the sender's to know.
func (s *Server) report(err error) {
	code := fedmsg.CodeOf(err)
	if code.HTTPStatus() < 500 {
		return
	}
	if dropped, ok := s.reporter.allow(code, time.Now()); ok {
		s.logger.Warn("request failed", "code", string(code), "err", err, "more_like_it", dropped)
	}
}
