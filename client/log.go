package client

import (
	"context"
	"encoding/json"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// LogInfo is what a node says of its log.
type LogInfo struct {
	ID     fedmsg.LogID `json:"id"`
	First  uint64       `json:"first"`  // number of the oldest entry; 0 when there is none
	Last   uint64       `json:"last"`   // number of the newest entry; 0 when there never was one
	Bytes  int64        `json:"bytes"`  // on disk
	Oldest time.Time    `json:"oldest"` // when the oldest entry was received
	Newest time.Time    `json:"newest"`
}

// log asks for the node's log.
func (p *poster) log(ctx context.Context) (info LogInfo, err error) {
	b, err := p.do(ctx, "GET", "/v1/log", "", nil)
	if err != nil {
		return info, err
	}
	if err := json.Unmarshal(b, &info); err != nil || !info.ID.Valid() {
		return info, fedmsg.WrapError(fedmsg.CodeInternal, err, "the node's description of its log cannot be read")
	}
	return info, nil
}
