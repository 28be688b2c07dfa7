package zeromq

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg/zmtp"
)

// handshakes shows what came of the attempts to connect to the sockets, which zmtp counts.
type handshakes struct {
	failures, refused *prometheus.Desc

	mu      sync.Mutex
	sockets map[place][]func() zmtp.EndpointStats // guarded by mu
}

// place is an endpoint as it is configured. Several sockets may stand there, as with port 0.
type place struct{ kind, endpoint string }

func newHandshakes() *handshakes {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("fedmsg_zeromq_"+name, help, []string{"kind", "endpoint"}, nil)
	}
	return &handshakes{
		failures: desc("handshake_failures_total", "Connections that ended before their handshake was done."),
		refused:  desc("peers_refused_total", "Peers that were turned away, by their key or by a limit."),
		sockets:  make(map[place][]func() zmtp.EndpointStats),
	}
}

// watch shows a socket too.
func (h *handshakes) watch(p place, stats func() zmtp.EndpointStats) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sockets[p] = append(h.sockets[p], stats)
}

// Describe names the metrics.
func (h *handshakes) Describe(ch chan<- *prometheus.Desc) {
	ch <- h.failures
	ch <- h.refused
}

// Collect gives their values now.
func (h *handshakes) Collect(ch chan<- prometheus.Metric) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for p, all := range h.sockets {
		var failures, refused uint64
		for _, stats := range all {
			s := stats()
			failures, refused = failures+s.Failures, refused+s.Refused
		}
		ch <- prometheus.MustNewConstMetric(h.failures, prometheus.CounterValue, float64(failures), p.kind, p.endpoint)
		ch <- prometheus.MustNewConstMetric(h.refused, prometheus.CounterValue, float64(refused), p.kind, p.endpoint)
	}
}
