package httpapi

import (
	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
)

// sseFormat writes server-sent events. The id of each is the position behind it, so that Last-Event-ID resumes there.
type sseFormat struct{}

func (sseFormat) appendMessage(b []byte, it feed.Item) []byte { return it.AppendEvent(b) }

func (sseFormat) appendGap(b []byte, g *fedmsg.Gap) []byte {
	b = g.To.AppendTo(append(b, "id: "...))
	b = append(b, "\nevent: gap\ndata: "...)
	return append(appendGapJSON(b, g), '\n', '\n')
}

func (sseFormat) appendHeartbeat(b []byte, p fedmsg.Position) []byte {
	if !p.IsZero() { // an empty id would make the reader forget where it stands
		b = append(p.AppendTo(append(b, "id: "...)), '\n')
	}
	b = append(b, "event: heartbeat\ndata: "...)
	return append(appendPositionJSON(b, p), '\n', '\n')
}

// appendGapJSON appends {"from":…,"to":…,"reason":…}.
func appendGapJSON(b []byte, g *fedmsg.Gap) []byte {
	b = append(b, `{"from":`...)
	b = fedmsg.AppendJSONString(b, g.From.String())
	b = append(b, `,"to":`...)
	b = fedmsg.AppendJSONString(b, g.To.String())
	b = append(b, `,"reason":`...)
	b = fedmsg.AppendJSONString(b, string(g.Reason))
	return append(b, '}')
}

// appendPositionJSON appends {"position":…}.
func appendPositionJSON(b []byte, p fedmsg.Position) []byte {
	b = p.AppendTo(append(b, `{"position":"`...))
	return append(b, '"', '}')
}
