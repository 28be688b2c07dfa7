package ingest

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
)

const (
	refusalEvery = 10 * time.Second // one line per sender and code in this time
	maxRefusals  = 1024             // pairs of sender and code that are told apart
)

// refusals counts refused messages and writes them to the operator's log, of each sender and code one line in a while with
// the number of those that got none: a sender gone wild must not fill the log nor hide the refusals of others.
type refusals struct {
	log     *slog.Logger
	metrics *Metrics
	now     func() time.Time

	mu   sync.Mutex
	seen map[refusalKind]*refusalCount // guarded by mu; at most maxRefusals
}

type refusalKind struct {
	from fedmsg.Sender
	code fedmsg.Code
}

type refusalCount struct {
	logged time.Time // when the last line was written
	silent int       // refusals since
}

// note takes note of one refusal. The attributes say what was refused; those with a cost are given by more, which is
// called only for a line that is written.
func (r *refusals) note(from fedmsg.Sender, err error, more func() []slog.Attr) {
	code := fedmsg.CodeOf(err)
	r.metrics.refusal(code)
	silent, write := r.turn(refusalKind{from, code})
	if !write {
		return
	}
	attrs := []slog.Attr{slog.String("code", string(code)), slog.String("sender", from.String())}
	if more != nil {
		attrs = append(attrs, more()...)
	}
	if silent > 0 {
		attrs = append(attrs, slog.Int("more_since_last", silent))
	}
	level := slog.LevelWarn
	if code == fedmsg.CodeInternal {
		level = slog.LevelError
	}
	r.log.LogAttrs(context.Background(), level, "refused a message", append(attrs, slog.Any("err", err))...)
}

// turn reports whether a line is due, and how many refusals had none since the last one.
func (r *refusals) turn(kind refusalKind) (silent int, write bool) {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.seen[kind]
	if c == nil {
		if len(r.seen) >= maxRefusals {
			clear(r.seen)
		}
		r.seen[kind] = &refusalCount{logged: now}
		return 0, true
	}
	if d := now.Sub(c.logged); d >= 0 && d < refusalEvery {
		c.silent++
		return 0, false
	}
	silent = c.silent
	*c = refusalCount{logged: now}
	return silent, true
}
