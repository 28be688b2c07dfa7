package mesh

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestRetire lets a link whose address is gone end a while later, unless the address comes back before.
func TestRetire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l := &link{cancel: cancel}
		l.retire()
		time.Sleep(farewell / 2)
		l.retire() // told again
		l.revive()
		time.Sleep(farewell)
		synctest.Wait()
		if ctx.Err() != nil || l.retired.Load() {
			t.Error("the address is back, and the link ended")
		}
		l.retire()
		time.Sleep(farewell + 1)
		synctest.Wait()
		if ctx.Err() == nil || !l.retired.Load() {
			t.Error("the address is gone, and the link goes on")
		}
	})
}
