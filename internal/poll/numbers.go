package poll

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg/internal/rowset"
)

// numbers are what is told of a source beside what all sources tell. Any goroutine may use them.
type numbers struct {
	mu      sync.Mutex
	rows    int                    // of the last answer; guarded by mu
	good    time.Time              // when it came; guarded by mu
	took    time.Duration          // to ask and compare; guarded by mu
	changes map[rowset.Kind]uint64 // handed on; guarded by mu
}

// asked takes note of a question.
func (n *numbers) asked(began time.Time, err error) {
	if err != nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.good = time.Now()
	n.took = n.good.Sub(began)
}

func (n *numbers) counted(rows int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rows = rows
}

func (n *numbers) changed(kind rowset.Kind) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.changes == nil {
		n.changes = make(map[rowset.Kind]uint64)
	}
	n.changes[kind]++
}

var _ prometheus.Collector = (*Source)(nil)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("fedmsg_poll_"+name, help, labels, nil)
}

func rowsDesc() *prometheus.Desc { return desc("rows", "Rows of the last answer of a polled source.") }

func goodDesc() *prometheus.Desc {
	return desc("last_answer_timestamp_seconds", "When the last good answer of a polled source came; 0 before the first.")
}

func everyDesc() *prometheus.Desc {
	return desc("every_seconds", "How long a polled source waits from one question to the next.")
}

func tookDesc() *prometheus.Desc {
	return desc("answer_seconds", "How long the last good answer took, with comparing it.")
}

func changesDesc() *prometheus.Desc {
	return desc("changes_total", "Changes of rows that a polled source handed on, by kind.", "kind")
}

// Describe names the metrics.
func (s *Source) Describe(to chan<- *prometheus.Desc) {
	for _, d := range [...]*prometheus.Desc{rowsDesc(), goodDesc(), everyDesc(), tookDesc(), changesDesc()} {
		to <- d
	}
}

// Collect gives their values.
func (s *Source) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(everyDesc(), prometheus.GaugeValue, s.c.Every.Seconds())
	n := &s.numbers
	n.mu.Lock()
	defer n.mu.Unlock()
	good := 0.0
	if !n.good.IsZero() {
		good = float64(n.good.UnixMilli()) / 1000
	}
	to <- prometheus.MustNewConstMetric(rowsDesc(), prometheus.GaugeValue, float64(n.rows))
	to <- prometheus.MustNewConstMetric(goodDesc(), prometheus.GaugeValue, good)
	to <- prometheus.MustNewConstMetric(tookDesc(), prometheus.GaugeValue, n.took.Seconds())
	for _, kind := range [...]rowset.Kind{rowset.Added, rowset.Changed, rowset.Removed} {
		to <- prometheus.MustNewConstMetric(changesDesc(), prometheus.CounterValue, float64(n.changes[kind]), string(kind))
	}
}
