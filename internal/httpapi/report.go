package httpapi

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

const (
	reportEvery  = time.Second      // one line of a code in this time: a full disk refuses 100,000 messages a second
	refusalEvery = 10 * time.Second // one line of a sender and code in this time
	maxRefusals  = 1024             // pairs of sender and code that are told apart
)

// reports decides which errors get a line in the operator's log.
type reports struct {
	failed  *ops.Repeats[fedmsg.Code]
	refused *ops.Repeats[refusalKind] // of who showed who it is
	unknown *ops.Repeats[refusalKind] // of addresses, of which anybody has as many as it likes: they must not hide the former
}

// refusalKind is who was refused, and why.
type refusalKind struct {
	who  string
	code fedmsg.Code
}

func newReports() reports {
	return reports{ops.NewRepeats[fedmsg.Code](reportEvery, maxRefusals, nil), ops.NewRepeats[refusalKind](refusalEvery, maxRefusals, nil), ops.NewRepeats[refusalKind](refusalEvery, maxRefusals, nil)}
}

// report logs an error that is the operator's business: one with an inside, or a limit of this server.
func (s *Server) report(err error) {
	code := fedmsg.CodeOf(err)
	if code.HTTPStatus() < 500 {
		return
	}
	if held, ok := s.reports.failed.Turn(code); ok {
		s.logger.Warn("request failed", "code", string(code), "err", err, held.Attr())
	}
}

// reportRefusal logs that a request was turned away for who sent it, or a message before it came to the door, which tells of its
// own refusals. What a reader asks that there is not, or writes wrongly, is the reader's to know.
func (s *Server) reportRefusal(r *http.Request, sender fedmsg.Sender, err error) {
	who, told := sender.String(), s.reports.refused
	if sender.IsZero() {
		who, told = remoteOf(r), s.reports.unknown
	}
	code := fedmsg.CodeOf(err)
	held, ok := told.Turn(refusalKind{who, code})
	if !ok {
		return
	}
	s.logger.LogAttrs(r.Context(), slog.LevelWarn, "refused a request", slog.String("code", string(code)), slog.String("sender", who), slog.String("method", clip(r.Method)), slog.String("path", clip(r.URL.Path)), held.Attr(), slog.Any("err", err))
}

// remoteOf names the other end of a request's connection: its address without the port, of IPv6 its network.
func remoteOf(r *http.Request) string {
	c := connOf(r)
	if c.door.local {
		return c.peer.String()
	}
	return c.address.String()
}
