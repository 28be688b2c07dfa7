package daemon

import (
	"io/fs"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/trust"
)

// meteredFS is a file layer that times each Sync: the one number that says whether a slow node has a slow disk.
type meteredFS struct {
	durable.FS
	sync prometheus.Observer
}

// Create makes a new file.
func (m meteredFS) Create(name string, perm fs.FileMode) (durable.File, error) {
	f, err := m.FS.Create(name, perm)
	return m.metered(f, err)
}

// Open opens an existing file.
func (m meteredFS) Open(name string, readOnly bool) (durable.File, error) {
	f, err := m.FS.Open(name, readOnly)
	if readOnly {
		return f, err
	}
	return m.metered(f, err)
}

func (m meteredFS) metered(f durable.File, err error) (durable.File, error) {
	if err != nil {
		return nil, err
	}
	return meteredFile{f, m.sync}, nil
}

type meteredFile struct {
	durable.File
	sync prometheus.Observer
}

// Sync makes the file durable and notes how long it took.
func (f meteredFile) Sync() error {
	start := time.Now()
	err := f.File.Sync()
	f.sync.Observe(time.Since(start).Seconds())
	return err
}

// newSyncHistogram is the metric of [meteredFS].
func newSyncHistogram() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "fedmsg_log_sync_seconds", Help: "Time of each fsync of the log's files.",
		Buckets: []float64{.0001, .0003, .001, .003, .01, .03, .1, .3, 1, 3},
	})
}

// logMetrics asks the log for its numbers when they are scraped.
type logMetrics struct {
	info                          func() commitlog.Info
	bytes, first, last, segs, age *prometheus.Desc
}

func newLogMetrics(info func() commitlog.Info) *logMetrics {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return &logMetrics{
		info:  info,
		bytes: desc("fedmsg_log_bytes", "Bytes of the log on disk, indexes included."),
		first: desc("fedmsg_log_first_seq", "Sequence number of the oldest entry."),
		last:  desc("fedmsg_log_last_seq", "Sequence number of the newest durable entry."),
		segs:  desc("fedmsg_log_segments", "Number of segment files."),
		age:   desc("fedmsg_log_oldest_timestamp_seconds", "When the oldest entry was received, in seconds since 1970."),
	}
}

// Describe lists the metrics.
func (m *logMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.bytes, m.first, m.last, m.segs, m.age} {
		ch <- d
	}
}

// Collect gives their values now.
func (m *logMetrics) Collect(ch chan<- prometheus.Metric) {
	i := m.info()
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	gauge(m.bytes, float64(i.Bytes))
	gauge(m.first, float64(i.First))
	gauge(m.segs, float64(i.Segments))
	ch <- prometheus.MustNewConstMetric(m.last, prometheus.CounterValue, float64(i.Last))
	if !i.Oldest.IsZero() {
		gauge(m.age, float64(i.Oldest.UnixMilli())/1000)
	}
}

// trustMetrics asks for the numbers of keys and revocation lists when they are scraped.
type trustMetrics struct {
	own             func() []keys.Public
	lists           func() map[string]trust.ListTimes
	keys, age, next *prometheus.Desc
}

func newTrustMetrics(own func() []keys.Public, lists func() map[string]trust.ListTimes) *trustMetrics {
	return &trustMetrics{
		own: own, lists: lists,
		keys: prometheus.NewDesc("fedmsg_signing_keys", "The node's own keys, those it signed with before included.", nil, nil),
		age:  prometheus.NewDesc("fedmsg_crl_age_seconds", "Time since the revocation list of a trust root was issued.", []string{"root"}, nil),
		next: prometheus.NewDesc("fedmsg_crl_next_update_timestamp_seconds", "When the next revocation list of a trust root is due, in seconds since 1970.", []string{"root"}, nil),
	}
}

// Describe lists the metrics.
func (m *trustMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.keys
	ch <- m.age
	ch <- m.next
}

// Collect gives their values now.
func (m *trustMetrics) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(m.keys, prometheus.GaugeValue, float64(len(m.own())))
	for root, list := range m.lists() {
		ch <- prometheus.MustNewConstMetric(m.age, prometheus.GaugeValue, time.Since(list.Issued).Seconds(), root)
		if !list.Next.IsZero() {
			ch <- prometheus.MustNewConstMetric(m.next, prometheus.GaugeValue, float64(list.Next.Unix()), root)
		}
	}
}
