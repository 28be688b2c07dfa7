package archiver

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// metrics are the numbers of an archiver.
type metrics struct {
	stored, known, missed, failures prometheus.Counter
	seconds                         prometheus.Histogram
}

func newMetrics() *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "fedmsg_archive_" + name, Help: help})
	}
	return &metrics{
		stored:   counter("stored_total", "Entries that were put into the archive."),
		known:    counter("known_total", "Entries that the archive had already."),
		missed:   counter("missed_total", "Entries that the log could not give, so that the archive has not got them."),
		failures: counter("failures_total", "How often the archive could not go on and was tried again."),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "fedmsg_archive_put_seconds", Help: "Time in which a batch of entries was put into the archive, durably.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10},
		}),
	}
}

// register makes the numbers known.
func (m *metrics) register(a *Archiver, r prometheus.Registerer) error {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "fedmsg_archive_" + name, Help: help}, value)
	}
	for _, c := range []prometheus.Collector{
		m.stored, m.known, m.missed, m.failures, m.seconds,
		gauge("lag_entries", "Entries of the log that are not in the archive.", func() float64 { return float64(a.Status().Lag) }),
		gauge("lag_seconds", "How long the oldest of them has waited at least; 0 without one.", func() float64 { return a.Status().LagTime }),
		gauge("up", "Whether the archive can be used: 1 or 0.", func() float64 {
			if a.store.usable() != nil || a.snapshot().trouble != nil {
				return 0
			}
			return 1
		}),
	} {
		if err := r.Register(c); err != nil {
			return fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot register the metrics of the archive")
		}
	}
	return nil
}

func (m *metrics) put(done archive.Appended, took time.Duration) {
	m.stored.Add(float64(done.Stored))
	m.known.Add(float64(done.Known))
	m.seconds.Observe(took.Seconds())
}
