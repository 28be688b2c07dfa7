package daemon

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/spool"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// door is the way into the log, as package ingest makes it.
type door interface {
	Submit(ctx context.Context, from fedmsg.Sender, lines ...[]byte) fedmsg.Ticket
}

// drainer fetches what publishers left in the spools while no node answered. One goroutine, Run, looks at them again and
// again: notification of changes would need a second way for when it overflows, and a look at an empty directory costs
// microseconds.
type drainer struct {
	spools []*spool.Spool
	door   door
	every  time.Duration
	log    *slog.Logger
	// redacted reports whether the message with an id was redacted. Such a one is removed, whatever else is wrong with it.
	redacted func(id string) bool

	delivered, rejected prometheus.Counter

	mu   sync.Mutex
	errs map[string]error // by directory, of the last look; guarded by mu
}

func newDrainer(dirs []string, o spool.Options, d door, every time.Duration, redacted func(id string) bool, log *slog.Logger) *drainer {
	dr := &drainer{
		door: d, every: every, log: log, redacted: redacted, errs: map[string]error{},
		delivered: prometheus.NewCounter(prometheus.CounterOpts{Name: "fedmsg_spool_delivered_total", Help: "Messages fetched from the spool."}),
		rejected:  prometheus.NewCounter(prometheus.CounterOpts{Name: "fedmsg_spool_rejected_total", Help: "Messages of the spool that were refused for good."}),
	}
	for _, dir := range dirs {
		dr.spools = append(dr.spools, spool.New(dir, o))
	}
	return dr
}

// run drains until ctx ends.
func (d *drainer) run(ctx context.Context) {
	tick := time.NewTicker(d.every)
	defer tick.Stop()
	for {
		for _, s := range d.spools {
			d.drain(ctx, s)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// drain hands on what is in one spool, and logs a fault once for as long as it stays the same.
func (d *drainer) drain(ctx context.Context, s *spool.Spool) {
	sum, err := s.DrainAll(ctx, d.deliver)
	if ctx.Err() != nil {
		err = nil // the node stops; what is left waits for the next one
	}
	d.delivered.Add(float64(sum.Delivered))
	d.rejected.Add(float64(sum.Rejected))
	if sum.Delivered+sum.Rejected > 0 {
		attrs := []any{"directory", s.Dir(), "delivered", sum.Delivered}
		if sum.Rejected > 0 {
			attrs = append(attrs, "rejected", sum.Rejected, "see", filepath.Join(s.Dir(), "rejected"))
		}
		d.log.Info("fetched from the spool", attrs...)
	}
	d.mu.Lock()
	before := d.errs[s.Dir()]
	d.errs[s.Dir()] = err
	d.mu.Unlock()
	if err != nil && (before == nil || before.Error() != err.Error()) {
		d.log.Warn("cannot fetch from the spool", "directory", s.Dir(), "error", err)
	}
}

// deliver puts envelopes through the door, each as its file's owner. All are under way before the first is waited for, so
// that they share their commits. Those of one owner are one submission, which a full disk refuses as a whole: in several,
// a later message might be stored where an earlier one was not.
func (d *drainer) deliver(ctx context.Context, files []spool.File) []error {
	var all []*owned
	for i, f := range files {
		k := slices.IndexFunc(all, func(o *owned) bool { return o.owner == f.Owner })
		if k < 0 {
			k, all = len(all), append(all, &owned{owner: f.Owner})
		}
		all[k].places, all[k].lines = append(all[k].places, i), append(all[k].lines, f.Envelope)
	}
	for _, o := range all {
		o.ticket = d.door.Submit(ctx, o.sender(), o.lines...)
	}
	errs := make([]error, len(files))
	for _, o := range all {
		outcomes, err := o.ticket.Wait(ctx)
		for n, i := range o.places {
			if errs[i] = err; err != nil {
				continue
			}
			if errs[i] = outcomes[n].Err; errs[i] != nil {
				if id := idOf(files[i].Envelope); id != "" && d.redacted(id) {
					errs[i] = fedmsg.WrapError(fedmsg.CodeRedacted, errs[i], "the message was redacted")
				}
			}
		}
	}
	if len(files) > 1 && !slices.ContainsFunc(errs, func(err error) bool { return fedmsg.CodeOf(err) != fedmsg.CodeStorageFull }) {
		return d.deliver(ctx, files[:1]) // there may never be room for all at once, and be for one
	}
	return errs
}

// idOf gives the id of what a publisher left, or nothing where it has none that can be read.
func idOf(document []byte) string {
	d := wire.Decoder{Limits: fedmsg.DefaultLimits()}
	s, err := d.Submitted(document)
	switch {
	case err != nil:
		return ""
	case s.Whole:
		return s.Envelope.ID
	}
	return s.Submission.ID
}

// owned is the envelopes of one owner among those that are delivered together.
type owned struct {
	owner  uint32
	places []int // among all
	lines  [][]byte
	ticket fedmsg.Ticket
}

// sender is who the owner of a file is to the door.
func (o *owned) sender() fedmsg.Sender {
	return fedmsg.Sender{Kind: fedmsg.SenderUID, Name: strconv.FormatUint(uint64(o.owner), 10)}
}

// checks is the health of the spools. Which directory, and why, is in the log alone.
func (d *drainer) checks() []ops.Check {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.spools {
		if d.errs[s.Dir()] != nil {
			return []ops.Check{{Name: "spool", Status: ops.Warning, Text: "the spool cannot be fetched, so messages may wait in it; the node's log names the directory and the cure"}}
		}
	}
	return []ops.Check{{Name: "spool", Status: ops.OK, Text: "the spool is fetched"}}
}
