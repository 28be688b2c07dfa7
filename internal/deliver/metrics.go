package deliver

import "github.com/prometheus/client_golang/prometheus"

// metrics tells the status of each sink when it is asked, so that an idle sink keeps none. The label is the name that the
// configuration gives the sink.
type metrics struct {
	set                                    *Set
	delivered, retried, skipped, remarks   *prometheus.Desc
	dead, inFlight, lag, lagSeconds, state *prometheus.Desc
}

var _ prometheus.Collector = (*metrics)(nil)

func newMetrics(s *Set) *metrics {
	desc := func(name, help string, more ...string) *prometheus.Desc {
		return prometheus.NewDesc("fedmsg_sink_"+name, help, append([]string{"sink"}, more...), nil)
	}
	return &metrics{
		set:        s,
		delivered:  desc("delivered_total", "Entries that the destination has acknowledged."),
		retried:    desc("retried_total", "Sessions that ended with something unanswered, and single entries tried again."),
		skipped:    desc("skipped_total", "Entries that were too old, that the log could not give, or that the sink was moved past."),
		remarks:    desc("remarks_total", "Remarks of the destination about entries that it has taken, such as that nobody is bound to their topic."),
		dead:       desc("dead_letters", "Dead letters there are."),
		inFlight:   desc("in_flight", "Entries sent and not answered."),
		lag:        desc("lag_entries", "Entries of the log behind the place of the sink, wanted or not."),
		lagSeconds: desc("lag_seconds", "Age of the oldest entry that is pending; 0 without one."),
		state:      desc("state", "1 for what the sink is doing, 0 for what it is not.", "state"),
	}
}

// Describe names the metrics.
func (m *metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.delivered, m.retried, m.skipped, m.remarks, m.dead, m.inFlight, m.lag, m.lagSeconds, m.state} {
		to <- d
	}
}

// Collect gives their values.
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	for _, st := range m.set.List() {
		tell := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
			to <- prometheus.MustNewConstMetric(d, kind, value, append([]string{st.Name}, labels...)...)
		}
		tell(m.delivered, counter, float64(st.Delivered))
		tell(m.retried, counter, float64(st.Retried))
		tell(m.skipped, counter, float64(st.Skipped))
		tell(m.remarks, counter, float64(st.Remarked))
		tell(m.dead, gauge, float64(st.Dead))
		tell(m.inFlight, gauge, float64(st.InFlight))
		tell(m.lag, gauge, float64(st.Lag))
		tell(m.lagSeconds, gauge, st.LagTime)
		for _, state := range []State{StateRunning, StateWaiting, StatePaused, StateStopped} {
			is := 0.0
			if st.State == state {
				is = 1
			}
			tell(m.state, gauge, is, string(state))
		}
	}
}
