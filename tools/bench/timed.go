package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// timed has n callers do a thing again and again for the span of a round, and gives the rate and the server's CPU time for
// each. prepare gives the thing of one caller and what to do afterwards; preparing and a warm-up do not count.
func (b *bench) timed(ctx context.Context, s *server, n int, prepare func(i int) (act func() error, done func(), err error)) (sample, error) {
	acts := make([]func() error, n)
	for i := range n {
		act, done, err := prepare(i)
		if err != nil {
			return sample{}, err
		}
		defer done()
		acts[i] = act
	}
	if err := whileOpen(ctx, b.o.span/8, acts, new(atomic.Int64)); err != nil { // warm-up
		return sample{}, err
	}
	before, err := s.cpu()
	if err != nil {
		return sample{}, err
	}
	var count atomic.Int64
	start := time.Now()
	if err := whileOpen(ctx, b.o.span, acts, &count); err != nil {
		return sample{}, err
	}
	took := time.Since(start)
	after, err := s.cpu()
	if err != nil {
		return sample{}, err
	}
	return sample{rate: float64(count.Load()) / took.Seconds(), cpu: (after - before) / time.Duration(max(1, count.Load()))}, nil
}

// whileOpen has every act repeated by its own goroutine until the span is over or one fails.
func whileOpen(ctx context.Context, span time.Duration, acts []func() error, count *atomic.Int64) error {
	var over atomic.Bool
	timer := time.AfterFunc(span, func() { over.Store(true) })
	defer timer.Stop()
	errs := make([]error, len(acts))
	var wg sync.WaitGroup
	for i, act := range acts {
		wg.Go(func() {
			for !over.Load() && ctx.Err() == nil {
				if errs[i] = act(); errs[i] != nil {
					over.Store(true)
					return
				}
				count.Add(1)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
