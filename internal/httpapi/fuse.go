package httpapi

import (
	"context"
	"time"
)

// fuse is a context that ends when one wait in it takes too long, or with its parent. All waits share one timer, because
// a publisher may have thousands of them in a second. It belongs to one goroutine.
type fuse struct {
	ctx    context.Context
	cancel context.CancelFunc
	limit  time.Duration
	timer  *time.Timer // runs while the fuse is lit
}

func newFuse(parent context.Context, limit time.Duration) *fuse {
	f := &fuse{limit: limit}
	f.ctx, f.cancel = context.WithCancel(parent)
	f.timer = time.AfterFunc(limit, f.cancel)
	f.timer.Stop()
	return f
}

// light begins a wait.
func (f *fuse) light() { f.timer.Reset(f.limit) }

// quench ends it.
func (f *fuse) quench() { f.timer.Stop() }

// put lets go of the context.
func (f *fuse) put() {
	f.timer.Stop()
	f.cancel()
}
