package deliver

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/backoff"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
	"github.com/federated-messaging/fedmsg/internal/place"
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
	file, err := place.Open(filepath.Join(deps.Places, "sink-"+cfg.Name), cfg.Hold)
	if err != nil {
		return nil, err
	}
	want, faults := cfg.filter()
	if len(faults) > 0 {
		return nil, errors.Join(errors.Join(faults...), file.Close())
	}
	policy := backoff.Policy{First: cfg.RetryFirst, Max: cfg.RetryMax}
	r := &runner{
		cfg: cfg, sink: c.Sink, log: deps.Log, dead: dead, place: file, dir: dir, now: deps.Now,
		filter: want,
		logger: deps.Logger.With("sink", cfg.Name), ended: make(chan struct{}), wake: make(chan struct{}, 1),
		retry: backoff.Backoff{Policy: policy}, logRetry: backoff.Backoff{Policy: policy}, state: StateRunning,
	}
	r.records.times = openTimes(filepath.Join(dir, "times"))
	r.records.journal = openJournal(filepath.Join(dir, "journal"))
	if err := r.start(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return r, nil
}

// start finds out where a sink stands: a new one begins where its configuration says, which is saved, so that it does not begin
// again after a crash.
func (r *runner) start() error {
	_, err := os.Stat(r.pausedFile())
	r.paused = err == nil
	p := r.place.Position()
	isNew := p.IsZero()
	if isNew {
		switch r.cfg.Start {
		case "", "now":
			p = r.log.End()
		case "beginning": // wherever that is when the first entry is read
		default:
			if p, err = fedmsg.ParsePosition(r.cfg.Start); err != nil {
				return err
			}
		}
	}
	r.through, r.read, r.kept = p, p.Seq, p
	r.placed = !p.IsZero()
	r.noteChange(isNew, p.Seq)
	if !isNew || p.IsZero() {
		return nil
	}
	r.noteBegin()
	r.writeNotes()
	return r.place.Save(p)
}
