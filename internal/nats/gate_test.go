package nats

import (
	"context"
	"testing"
	"testing/synctest"
)

// TestGate holds that one entry is under way at a time until one was taken, and that no number is held back behind that.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		passed := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			for g.pass(ctx) == nil && passed < 1000 {
				passed++
			}
		}()
		for want, taken := range []bool{false, false, true} {
			synctest.Wait()
			if passed != want+1 {
				t.Fatalf("%d passed before answer %d", passed, want+1)
			}
			g.answered(taken)
		}
		<-done
		if passed != 1000 {
			t.Errorf("%d passed an open gate", passed)
		}
		g.answered(true)
		closed := newGate()
		_ = closed.pass(ctx)
		cancel()
		if closed.pass(ctx) == nil {
			t.Error("a closed gate let somebody pass whose time was over")
		}
		lost := make(chan error, 1)
		ctx = t.Context()
		go func() { lost <- closed.pass(ctx) }()
		synctest.Wait()
		closed.end()
		closed.end()
		if <-lost == nil {
			t.Error("a gate let somebody pass behind the end of the connection")
		}
	})
}
