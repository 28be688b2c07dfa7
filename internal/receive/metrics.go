package receive

import "github.com/prometheus/client_golang/prometheus"

// collector gives the numbers of all sources when they are asked for. Its label values are the names in the configuration.
type collector struct {
	set                                                                                *Set
	received, duplicates, refused, tooOld, passedOver, lost, inFlight, connected, dead *prometheus.Desc
}

var _ prometheus.Collector = (*collector)(nil)

func newCollector(s *Set) *collector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("fedmsg_source_"+name, help, []string{"source"}, nil)
	}
	return &collector{
		set:        s,
		received:   desc("received_total", "Messages that a source brought and that are settled."),
		duplicates: desc("duplicates_total", "Of these, messages that the log had already."),
		refused:    desc("refused_total", "Of these, messages that went to the dead letters."),
		tooOld:     desc("too_old_total", "Of these, messages that were passed over as older than what this node keeps."),
		passedOver: desc("passed_over_total", "What came beside these and no message was made of, such as mails that say nothing."),
		lost:       desc("sessions_lost_total", "How often a source lost its connection, or could not make one."),
		inFlight:   desc("in_flight", "Messages taken from a source and not settled yet."),
		connected:  desc("connected", "Whether a source is connected: 1 or 0."),
		dead:       desc("dead_letters", "Dead letters of a source."),
	}
}

// Describe names the metrics.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range [...]*prometheus.Desc{c.received, c.duplicates, c.refused, c.tooOld, c.passedOver, c.lost, c.inFlight, c.connected, c.dead} {
		to <- d
	}
}

// Collect gives their values.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	for _, r := range c.set.runners {
		s := r.status()
		r.mu.Lock()
		lost := r.state.lost
		r.mu.Unlock()
		connected := 0.0
		if s.Connected {
			connected = 1
		}
		for _, m := range [...]struct {
			desc  *prometheus.Desc
			kind  prometheus.ValueType
			value float64
		}{
			{c.received, prometheus.CounterValue, float64(s.Received)},
			{c.duplicates, prometheus.CounterValue, float64(s.Duplicates)},
			{c.refused, prometheus.CounterValue, float64(s.Refused)},
			{c.tooOld, prometheus.CounterValue, float64(s.TooOld)},
			{c.passedOver, prometheus.CounterValue, float64(s.PassedOver)},
			{c.lost, prometheus.CounterValue, float64(lost)},
			{c.inFlight, prometheus.GaugeValue, float64(s.InFlight)},
			{c.connected, prometheus.GaugeValue, connected},
			{c.dead, prometheus.GaugeValue, float64(s.Dead)},
		} {
			to <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value, s.Name)
		}
	}
}
