package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/pki"
)

const (
	// certificateAhead is how long before its end a certificate is told of.
	certificateAhead = 30 * 24 * time.Hour
	// certificateEvery is how often the log is told.
	certificateEvery = 24 * time.Hour
)

// certificates watches the ends of the certificates that the configuration names, but for those of [[trust]], which package trust
// watches. The files are read anew each time, so that one that was renewed counts at once. It is safe for concurrent use.
type certificates struct {
	files []config.NamedFile
	log   *slog.Logger
	end   *prometheus.Desc
}

var _ prometheus.Collector = (*certificates)(nil)

func newCertificates(c *config.Config, logger *slog.Logger) *certificates {
	all := &certificates{
		log: logger,
		end: prometheus.NewDesc("fedmsg_certificate_end_timestamp_seconds", "When a certificate that the configuration names ends, in seconds since 1970.", []string{"certificate"}, nil),
	}
	seen := map[string]bool{} // of two listeners with port 0 the keys are the same
	for _, f := range c.NamedFiles() {
		if (f.Kind == config.OwnCertificate || f.Kind == config.Authorities) && !seen[f.Key] {
			seen[f.Key] = true
			all.files = append(all.files, f)
		}
	}
	return all
}

// endOf is when a file is of no more use: with its first certificate, or where it has authorities with the last.
func endOf(f *config.NamedFile) (time.Time, error) {
	span, err := pki.ReadSpan(f.Path)
	if f.Kind == config.Authorities {
		return span.Last, err
	}
	return span.First, err
}

// trouble says what is wrong with a file, or will be soon; empty where nothing is. Neither its path nor what is in it is told.
func trouble(f *config.NamedFile, now time.Time) string {
	end, err := endOf(f)
	day := end.UTC().Format("2006-01-02")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it is not there"
	case fedmsg.CodeOf(err) == fedmsg.CodeConfig:
		return "it has no certificate that can be read"
	case err != nil:
		return "its file cannot be read"
	case !now.Before(end):
		return "it ended on " + day
	case now.Add(certificateAhead).After(end):
		return fmt.Sprintf("it ends on %s, in %d days", day, end.Sub(now)/(24*time.Hour))
	}
	return ""
}

// run tells the log of what ended or soon will, now and each day, until ctx ends.
func (c *certificates) run(ctx context.Context) {
	if len(c.files) == 0 {
		return
	}
	tick := time.NewTicker(certificateEvery)
	defer tick.Stop()
	for {
		for i := range c.files {
			if text := trouble(&c.files[i], time.Now()); text != "" {
				c.log.Warn("look after a certificate: "+text, "certificate", c.files[i].Key, "file", c.files[i].Path, "cure", "have it renewed and put the new one in its place; the node reads it by itself")
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// start begins to tell the log, until it is stopped.
func (c *certificates) start(stops *stopList) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.run(ctx)
	}()
	stops.push("certificates", func(context.Context) error {
		cancel()
		<-done
		return nil
	})
}

// checks is the health of all of them; nothing where the configuration names none. One that ended is a warning, since what does not
// need it goes on.
func (c *certificates) checks() []ops.Check {
	if len(c.files) == 0 {
		return nil
	}
	var bad []string
	for i := range c.files {
		if text := trouble(&c.files[i], time.Now()); text != "" {
			bad = append(bad, c.files[i].Key+": "+text)
		}
	}
	if len(bad) == 0 {
		return []ops.Check{{Name: "certificates", Status: ops.OK, Text: "no certificate ends within 30 days"}}
	}
	return []ops.Check{{Name: "certificates", Status: ops.Warning, Text: strings.Join(bad, "; ") + "; have each renewed and put in the place of the old one"}}
}

// Describe lists the metric.
func (c *certificates) Describe(ch chan<- *prometheus.Desc) { ch <- c.end }

// Collect gives the end of each that can be read.
func (c *certificates) Collect(ch chan<- prometheus.Metric) {
	for i := range c.files {
		if end, err := endOf(&c.files[i]); err == nil {
			ch <- prometheus.MustNewConstMetric(c.end, prometheus.GaugeValue, float64(end.Unix()), c.files[i].Key)
		}
	}
}
