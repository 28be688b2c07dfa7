package archiver

import (
	"context"
	"slices"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// request is something else that is to be written into the store.
type request struct {
	ctx  context.Context
	do   func(context.Context, archive.Writer) error
	done chan error // capacity 1
}

// Write has do write into the store, between two batches of the log's entries, as for an import or a new index. Meanwhile the archive
// does not go on, so that do is to be short, about as long as putting a batch away. Its ctx ends with the caller's, and when the node
// stops. It fails with CodeUnavailable while the store cannot be used.
func (a *Archiver) Write(ctx context.Context, do func(context.Context, archive.Writer) error) error {
	if err := a.store.usable(); err != nil {
		return err
	}
	r := &request{ctx: ctx, do: do, done: make(chan error, 1)}
	a.mu.Lock()
	if a.state.stopping {
		a.mu.Unlock()
		return errStopping()
	}
	a.requests = append(a.requests, r)
	a.wake()
	a.mu.Unlock()
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
	}
	a.mu.Lock()
	i := slices.Index(a.requests, r)
	if i >= 0 {
		a.requests = slices.Delete(a.requests, i, i+1)
	}
	a.mu.Unlock()
	if i >= 0 {
		return fedmsg.WrapError(fedmsg.CodeTimeout, ctx.Err(), "the archive was not written: it did not come to this in time")
	}
	return <-r.done // it is under way, and uses what is the caller's
}

// losable is a store that may lose its database beside what is put into it: then it is to be opened anew.
type losable interface {
	// Lost says why nothing can be written any more; nil while it can.
	Lost() error
}

// serve does what was asked for, until ctx ends or the store is lost.
func (a *Archiver) serve(ctx context.Context) {
	for ctx.Err() == nil {
		a.mu.Lock()
		if len(a.requests) == 0 {
			a.mu.Unlock()
			return
		}
		r := a.requests[0]
		a.requests = a.requests[1:]
		a.mu.Unlock()
		asked, cancel := context.WithCancel(r.ctx)
		stop := context.AfterFunc(ctx, cancel)
		r.done <- r.do(asked, a.writer)
		stop()
		cancel()
		if s, may := a.writer.(losable); may {
			if err := s.Lost(); err != nil {
				a.leave(err)
			}
		}
	}
}

// refuse answers what was asked for with an error.
func (a *Archiver) refuse(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.requests {
		r.done <- err
	}
	a.requests = nil
}
