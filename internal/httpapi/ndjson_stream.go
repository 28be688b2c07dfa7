package httpapi

import (
	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
)

// ndjsonFormat writes one JSON object a line: an entry, {"gap":…} or {"heartbeat":…}.
type ndjsonFormat struct{}

func (ndjsonFormat) appendMessage(b []byte, it feed.Item) []byte { return it.AppendLine(b) }

func (ndjsonFormat) appendGap(b []byte, g *fedmsg.Gap) []byte {
	return append(appendGapObject(b, g), '\n')
}

func (ndjsonFormat) appendHeartbeat(b []byte, p fedmsg.Position) []byte {
	return append(appendHeartbeatObject(b, p), '\n')
}

func appendGapObject(b []byte, g *fedmsg.Gap) []byte {
	return append(appendGapJSON(append(b, `{"gap":`...), g), '}')
}

func appendHeartbeatObject(b []byte, p fedmsg.Position) []byte {
	return append(appendPositionJSON(append(b, `{"heartbeat":`...), p), '}')
}
