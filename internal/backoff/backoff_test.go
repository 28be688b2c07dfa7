package backoff

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestNextGrowsWithinBounds(t *testing.T) {
	b := Backoff{Policy: Policy{First: 10 * time.Millisecond, Max: 70 * time.Millisecond}}
	for _, bound := range []time.Duration{10, 20, 40, 70, 70, 70} {
		bound *= time.Millisecond
		if got := b.Next(); got < bound/2 || got > bound {
			t.Errorf("wait %v, want between %v and %v", got, bound/2, bound)
		}
	}
	b.Reset()
	if got := b.Next(); got > 10*time.Millisecond {
		t.Errorf("after Reset the wait is %v", got)
	}
}

func TestZeroValueWaits(t *testing.T) {
	var b Backoff
	for range 100 {
		if got := b.Next(); got < 25*time.Millisecond || got > 5*time.Second {
			t.Fatalf("wait %v", got)
		}
	}
}

func TestNoLimitDoesNotOverflow(t *testing.T) {
	b := Backoff{Policy: Policy{First: time.Second, Max: math.MaxInt64}}
	for i := range 100 {
		if got := b.Next(); got < time.Second/2 {
			t.Fatalf("wait %d is %v", i+1, got)
		}
	}
}

func TestWaitEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		b := Backoff{Policy: Policy{First: time.Hour, Max: time.Hour}}
		start := time.Now()
		if err := b.Wait(ctx); err != context.DeadlineExceeded {
			t.Errorf("Wait = %v", err)
		}
		if d := time.Since(start); d != 100*time.Millisecond {
			t.Errorf("Wait took %v", d)
		}
		if err := b.Wait(t.Context()); err != nil {
			t.Errorf("Wait = %v", err)
		}
	})
}
