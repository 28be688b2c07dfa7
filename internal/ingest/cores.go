package ingest

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// few is up to how many signatures are made or verified one after the other: more are shared among the cores.
const few = 3

// onCores calls f for each of n places, and returns when all calls have ended: where they are more than a few, on as many
// goroutines as there are cores, the caller's included. A panic of one reaches the caller, as if it had made all calls.
func onCores(n int, f func(i int)) {
	if n > few {
		share(n, f)
		return
	}
	for i := range n {
		f(i)
	}
}

// share is onCores for more than a few.
func share(n int, f func(i int)) {
	var next atomic.Int64
	work := func() {
		for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
			f(int(i))
		}
	}
	var wg sync.WaitGroup
	var fault atomic.Value
	for range min(n, runtime.GOMAXPROCS(0)) - 1 {
		wg.Go(func() {
			defer func() {
				if v := recover(); v != nil {
					fault.CompareAndSwap(nil, thrown{v})
				}
			}()
			work()
		})
	}
	func() {
		defer wg.Wait()
		work()
	}()
	if v, ok := fault.Load().(thrown); ok {
		panic(v.value)
	}
}

// thrown is the value of a panic.
type thrown struct{ value any }
