package ingest

import (
	"context"
	"log/slog"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
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
	repeats *ops.Repeats[refusalKind]
}

type refusalKind struct {
	from fedmsg.Sender
	code fedmsg.Code
}

// note takes note of one refusal. The attributes say what was refused; those with a cost are given by more, which is
// called only for a line that is written.
func (r *refusals) note(from fedmsg.Sender, err error, more func() []slog.Attr) {
	code := fedmsg.CodeOf(err)
	r.metrics.refusal(code)
	held, write := r.repeats.Turn(refusalKind{from, code})
	if !write {
		return
	}
	attrs := []slog.Attr{slog.String("code", string(code)), slog.String("sender", from.String())}
	if more != nil {
		attrs = append(attrs, more()...)
	}
	level := slog.LevelWarn
	if code == fedmsg.CodeInternal {
		level = slog.LevelError
	}
	r.log.LogAttrs(context.Background(), level, "refused a message", append(attrs, held.Attr(), slog.Any("err", err))...)
}
