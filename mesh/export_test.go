package mesh

import (
	"context"
	"hash/maphash"
	"time"

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

// WatchDomain asks for the publishers of a domain, as subscriptions do.
func WatchDomain(ctx context.Context, resolver, domain string, poll time.Duration, report func(Event), tell func([]Service)) {
	watchDomain(ctx, newResolver(resolver), domain, poll, report, func(all []keyed) {
		var services []Service
		for _, s := range all {
			services = append(services, s.Service)
		}
		tell(services)
	})
}
