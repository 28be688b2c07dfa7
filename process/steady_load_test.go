package process

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// steadyLoad publishes a few hundred messages in a second until it is stopped, and remembers what was accepted.
type steadyLoad struct {
	mu    sync.Mutex
	acked []string // guarded by mu: ids, in order of acceptance
	last  time.Duration
	wait  sync.WaitGroup
	stop  context.CancelFunc
}

// startSteadyLoad starts it. Lines that the node did not take are published again, so that it may be restarted meanwhile.
func startSteadyLoad(t *testing.T, n *fedmsgtest.Node, each time.Duration) *steadyLoad {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &steadyLoad{stop: cancel}
	t.Cleanup(l.end)
	l.wait.Go(func() {
		next := time.NewTicker(each)
		defer next.Stop()
		for i := 0; ctx.Err() == nil; {
			start := time.Now()
			if _, err := n.Publish(context.Background(), submission(fmt.Sprintf("steady-%06d", i), i)); err == nil {
				l.mu.Lock()
				l.acked, l.last = append(l.acked, fmt.Sprintf("steady-%06d", i)), max(l.last, time.Since(start))
				l.mu.Unlock()
				i++
			}
			<-next.C
		}
	})
	return l
}

// end stops it and waits.
func (l *steadyLoad) end() {
	l.stop()
	l.wait.Wait()
}

func (l *steadyLoad) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// slowest is the longest time that a publisher waited.
func (l *steadyLoad) slowest() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// awaitMore waits until so many more were accepted.
func (l *steadyLoad) awaitMore(t *testing.T, n int) {
	t.Helper()
	want := l.count() + n
	await(t, fmt.Sprintf("%d accepted messages", want), func() bool { return l.count() >= want })
}

// through does one thing after the other to the server or the node, each until 100 more messages were accepted.
func (l *steadyLoad) through(t *testing.T, steps ...func() error) {
	t.Helper()
	for _, step := range steps {
		if err := step(); err != nil {
			t.Fatal(err)
		}
		l.awaitMore(t, 100)
	}
}

// throughCuts breaks the connection to the server so many times, each in the middle of its answers: behind so many bytes of them.
func (l *steadyLoad) throughCuts(t *testing.T, proxy *fedmsgtest.Proxy, times int, behind func(i int) int) {
	t.Helper()
	for i := range times {
		want := proxy.Cuts() + 1
		proxy.CutAfter(behind(i))
		await(t, "a cut in the middle of an answer", func() bool { return proxy.Cuts() >= want })
		l.awaitMore(t, 20)
	}
}
