package zeromq

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// metrics has the collectors of this package. Labels are the kind and the address of an endpoint as they are configured, and
// the codes of errors, never anything from a peer.
type metrics struct {
	peers, subscriptions      *prometheus.GaugeVec
	sent, received, gaps, cut *prometheus.CounterVec
	unsigned, omitted         *prometheus.CounterVec
	refused                   *prometheus.CounterVec
	handshakes                *handshakes
}

// counts is the collectors of one endpoint.
type counts struct {
	peers         prometheus.Gauge   // connected now
	subscriptions prometheus.Gauge   // of all peers together, now
	sent          prometheus.Counter // messages written to peers
	received      prometheus.Counter // messages that came from peers
	gaps          prometheus.Counter // runs of messages that nobody could give any more
	cut           prometheus.Counter // peers cut off because they took nothing for too long
	unsigned      prometheus.Counter // published without the embedded signature that old validators ask for
	omitted       prometheus.Counter // entries that cannot be said in the endpoint's format
	refusals      *prometheus.CounterVec

	watch func(func() zmtp.EndpointStats) // shows a socket of the endpoint
}

// refuse counts a message that was not taken, by the code of why.
func (c *counts) refuse(err error) {
	c.refusals.WithLabelValues(string(fedmsg.CodeOf(err))).Inc()
}

// newMetrics registers the collectors. Without r nobody looks.
func newMetrics(r prometheus.Registerer) *metrics {
	labels := []string{"kind", "endpoint"}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "fedmsg_zeromq_" + name, Help: help}, labels)
	}
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "fedmsg_zeromq_" + name, Help: help}, append(labels[:2:2], more...))
	}
	m := &metrics{
		peers:         gauge("peers", "Peers connected now."),
		subscriptions: gauge("subscriptions", "Subscriptions of all peers together, now."),
		sent:          counter("sent_total", "Messages written to peers."),
		received:      counter("received_total", "Messages that came from peers."),
		gaps:          counter("gaps_total", "Runs of messages that nobody could give any more."),
		cut:           counter("peers_cut_total", "Peers cut off because they took nothing for too long."),
		unsigned:      counter("unsigned_total", "Messages published as fedmsg1 without an embedded signature, which old validators refuse."),
		omitted:       counter("omitted_total", "Messages that could not be said in the format of the endpoint."),
		refused:       counter("refused_total", "Messages of peers that were not taken, by the code of the reason.", "reason"),
		handshakes:    newHandshakes(),
	}
	if r != nil {
		r.MustRegister(m.peers, m.subscriptions, m.sent, m.received, m.gaps, m.cut, m.unsigned, m.omitted, m.refused, m.handshakes)
	}
	return m
}

// of gives the collectors of an endpoint, which stand at 0 from the start.
func (m *metrics) of(e *endpoint) *counts {
	kind, address := string(e.kind), e.address
	return &counts{
		peers:         m.peers.WithLabelValues(kind, address),
		subscriptions: m.subscriptions.WithLabelValues(kind, address),
		sent:          m.sent.WithLabelValues(kind, address),
		received:      m.received.WithLabelValues(kind, address),
		gaps:          m.gaps.WithLabelValues(kind, address),
		cut:           m.cut.WithLabelValues(kind, address),
		unsigned:      m.unsigned.WithLabelValues(kind, address),
		omitted:       m.omitted.WithLabelValues(kind, address),
		refusals:      m.refused.MustCurryWith(prometheus.Labels{"kind": kind, "endpoint": address}),
		watch:         func(stats func() zmtp.EndpointStats) { m.handshakes.watch(place{kind, address}, stats) },
	}
}
