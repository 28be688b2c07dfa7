package deliver

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/backoff"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
)

// newRunner opens what one sink keeps.
func newRunner(c Configured, deps Deps) (*runner, error) {
	cfg := c.withDefaults()
	dir := filepath.Join(deps.Dir, cfg.Name)
	for _, d := range []string{deps.Places, dir} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "sink %s: cannot make its directory", cfg.Name)
		}
	}
	dead, err := deadletter.Open(filepath.Join(dir, "dead"), deadletter.Limits{Letters: cfg.DeadLetters})
	if err != nil {
		return nil, err
	}
	want, faults := cfg.filter()
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	policy := backoff.Policy{First: cfg.RetryFirst, Max: cfg.RetryMax}
	r := &runner{
		cfg: cfg, sink: c.Sink, log: deps.Log, logs: lineage{deps.Log.End().Log, deps.Ancestors}, dead: dead, dir: dir, now: deps.Now, erased: deps.Redacted,
		filter: want,
		logger: deps.Logger.With("sink", cfg.Name), ended: make(chan struct{}), wake: make(chan struct{}, 1),
		retry: backoff.Backoff{Policy: policy}, logRetry: backoff.Backoff{Policy: policy}, state: StateRunning,
	}
	dead.Rebase(r.logs.here)
	r.records.times = openTimes(filepath.Join(dir, "times"), r.logs)
	r.records.journal = openJournal(filepath.Join(dir, "journal"), r.logs)
	path := filepath.Join(deps.Places, "sink-"+cfg.Name)
	r.openPlace(path)
	if err := r.start(path); err != nil {
		return nil, errors.Join(err, r.place.Close())
	}
	return r, nil
}

// start finds out where a sink stands: a new one begins where its configuration says, which is saved, so that it does not begin
// again after a crash.
func (r *runner) start(path string) error {
	_, err := os.Stat(r.pausedFile())
	if r.paused = err == nil; r.paused {
		r.logger.Info("a sink is paused, as it was before", "cure", "fedmsg sink resume "+r.cfg.Name)
	}
	if r.adrift != nil {
		r.goAdrift(path)
	} else if r.through = r.place.Position(); r.through.IsZero() {
		return r.begin()
	}
	r.read, r.kept, r.placed = r.through.Seq, r.place.Position(), true
	r.noteChange(false, r.through.Seq)
	r.mendJournal()
	return nil
}

// begin has a new sink stand where its configuration says.
func (r *runner) begin() error {
	p := fedmsg.Position{} // wherever the beginning is when the first entry is read
	switch r.cfg.Start {
	case "", "now":
		p = r.log.End()
	case "beginning":
	default:
		var err error
		if p, err = fedmsg.ParsePosition(r.cfg.Start); err != nil {
			return err
		}
	}
	r.through, r.read, r.kept, r.placed = p, p.Seq, p, !p.IsZero()
	r.noteChange(true, p.Seq)
	r.mendJournal()
	if p.IsZero() {
		return nil
	}
	r.noteBegin()
	r.writeNotes()
	return r.place.Save(p)
}

// mendJournal tells of what a sink wrote down and nobody can read any more. It delivers all the same.
func (r *runner) mendJournal() {
	j := r.records.journal
	if j.lost == nil && j.bad == 0 {
		return
	}
	r.logger.Warn("what a sink wrote down of single entries is damaged or cannot be read; of those behind it, it is not known whether they were delivered or skipped", "file", j.path, "lines", j.bad, "error", j.lost)
	if j.bad == 0 {
		return
	}
	var instead line
	if to := min(r.through.Seq, r.logs.limit(r.through.Log)); to > 0 {
		instead = line{Kind: lineForgot, Log: r.logs.own, From: 1, To: to, Time: r.now().UTC().Truncate(time.Second), Reason: reasonUnreadable}
	}
	if err := j.mend(instead); err != nil {
		r.logger.Warn("cannot mend what a sink wrote down; the next start tries again", "file", j.path, "error", err)
	}
}
