package ingest

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
)

// Metrics counts outcomes, each when it is known to somebody who waits for it.
type Metrics struct {
	accepted  prometheus.Counter
	duplicate prometheus.Counter
	holes     prometheus.Counter
	refused   *prometheus.CounterVec // by code, whose values are the constants of package fedmsg
}

// NewMetrics makes the metrics and registers them with r, unless that is nil.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		accepted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "fedmsg_ingest_accepted_total", Help: "Messages stored for the first time."}),
		duplicate: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "fedmsg_ingest_duplicate_total", Help: "Messages that were stored already and answered with the first receipt."}),
		holes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "fedmsg_ingest_seq_id_holes_total", Help: "Messages that were given a number for the old replay protocol and were not stored."}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fedmsg_ingest_refused_total", Help: "Messages refused, by error code."}, []string{"code"}),
	}
	if r != nil {
		r.MustRegister(m.accepted, m.duplicate, m.holes, m.refused)
	}
	return m
}

// receipts counts what was stored.
func (m *Metrics) receipts(accepted, duplicate int) {
	if accepted > 0 {
		m.accepted.Add(float64(accepted))
	}
	if duplicate > 0 {
		m.duplicate.Add(float64(duplicate))
	}
}

func (m *Metrics) refusal(code fedmsg.Code) { m.refused.WithLabelValues(string(code)).Inc() }
