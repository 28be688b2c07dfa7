package zeromq

import "github.com/prometheus/client_golang/prometheus"

// intakeMetrics counts what peers published to the node, by the endpoint as it is configured.
type intakeMetrics struct {
	received *prometheus.CounterVec // by endpoint
	refused  *prometheus.CounterVec // by endpoint and code
	waiting  *prometheus.GaugeVec   // by endpoint
	gaps     *prometheus.CounterVec // by endpoint
}

// newIntakeMetrics makes the collectors, and registers them unless r is nil.
func newIntakeMetrics(r prometheus.Registerer) *intakeMetrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "fedmsg", Subsystem: "zeromq", Name: name, Help: help}, labels)
	}
	m := &intakeMetrics{
		received: counter("in_received_total", "Messages that relay and mesh endpoints brought.", "endpoint"),
		refused:  counter("in_refused_total", "Messages of relay and mesh endpoints that were refused for good.", "endpoint", "code"),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "fedmsg", Subsystem: "zeromq", Name: "in_waiting", Help: "Peers that are held back because the node cannot store now.",
		}, []string{"endpoint"}),
		gaps: counter("in_gap_messages_total", "Messages of the mesh that nobody could give any more.", "endpoint"),
	}
	if r != nil {
		r.MustRegister(m.received, m.refused, m.waiting, m.gaps)
	}
	return m
}
