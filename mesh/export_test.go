package mesh

import (
	"context"
	"hash/maphash"

	"github.com/federated-messaging/fedmsg/internal/replay"
)

// Ask asks a replay server one question, as subscriptions do.
func Ask(ctx context.Context, uri string, q replay.Query) ([]Message, error) {
	r := requester{seed: maphash.MakeSeed()}
	defer r.hangUp()
	asked, err := r.ask(ctx, job{question: question{query: q}, service: "old.host", uri: uri})
	var all []Message
	for _, a := range asked {
		all = append(all, a.Message)
	}
	return all, err
}
