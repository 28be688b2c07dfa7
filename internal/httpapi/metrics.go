package httpapi

import (
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
)

// metrics has the collectors of this package. Labels come from the table of routes and the codes, never from a request.
type metrics struct {
	requests   *prometheus.CounterVec // by route and HTTP status
	outcomes   *prometheus.CounterVec // by what became of a submitted message: accepted, duplicate, or an error's code
	accepted   prometheus.Counter     // of outcomes; here because each message counts
	duplicates prometheus.Counter     // of outcomes
	turnedAway prometheus.Counter
	publishers prometheus.Gauge
}

// newMetrics registers the collectors. Without r nobody looks, and the rest may be nil.
func newMetrics(r prometheus.Registerer, connections func() int, t *streams) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fedmsg_http_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"route", "code"}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fedmsg_http_messages_total", Help: "Messages submitted over HTTP, by what became of them.",
		}, []string{"outcome"}),
		turnedAway: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "fedmsg_http_connections_refused_total", Help: "Connections closed at once because a limit was reached.",
		}),
		publishers: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "fedmsg_http_publish_streams", Help: "NDJSON publishers connected now.",
		}),
	}
	m.accepted = m.outcomes.WithLabelValues("accepted")
	m.duplicates = m.outcomes.WithLabelValues("duplicate")
	if r != nil {
		r.MustRegister(m.requests, m.outcomes, m.turnedAway, m.publishers,
			gauge("fedmsg_http_connections", "Connections open now.", connections),
			gauge("fedmsg_http_streams", "Streams open now.", t.count),
			counter("fedmsg_http_stream_messages_total", "Messages written to streams.", &t.told.messages),
			counter("fedmsg_http_stream_gaps_total", "Gaps that readers of streams were told of.", &t.told.gaps),
			counter("fedmsg_http_stream_readers_cut_total", "Readers of streams cut because they did not read.", &t.told.cut))
	}
	return m
}

// gauge shows what f counts.
func gauge(name, help string, f func() int) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(f()) })
}

// counter shows n.
func counter(name, help string, n *atomic.Uint64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(n.Load()) })
}

// request counts an answered request.
func (m *metrics) request(route string, status int) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
}

// outcome counts what became of one message.
func (m *metrics) outcome(o *fedmsg.Outcome) {
	switch {
	case o.Err != nil:
		m.outcomes.WithLabelValues(string(fedmsg.CodeOf(o.Err))).Inc()
	case o.Receipt.Duplicate:
		m.duplicates.Inc()
	default:
		m.accepted.Inc()
	}
}
