package nats

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// TestConnectionMemory holds what a connection costs, which is why idle ones are closed, and that nothing is left of it. It must
// not be parallel: it counts what the process has.
func TestConnectionMemory(t *testing.T) {
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	for _, query := range []string{"", "?jetstream=yes"} {
		sink, err := NewSink(deliver.Config{Name: "it", To: "nats://" + s.Addr + query}, nil)
		try(t, err)
		const n = 100
		before, goroutines := memory(), runtime.NumGoroutine()
		var all []deliver.Session
		for range n {
			sess, err := sink.Open(t.Context(), &deliver.Answers{})
			try(t, err)
			all = append(all, sess)
		}
		if each := (memory() - before) / n; each > 80<<10 {
			t.Errorf("an idle connection of %q has %d bytes", query, each)
		} else {
			t.Logf("an idle connection of %q has %d bytes", query, each)
		}
		for _, sess := range all {
			try(t, sess.Close())
		}
		await(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= goroutines })
		if left := (memory() - before) / n; left > 8<<10 {
			t.Errorf("%d bytes are left of each connection of %q", left, query)
		}
	}
}

// memory is what the process uses.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// TestOpenIsCut returns soon where the end of the context comes while the server is silent.
func TestOpenIsCut(t *testing.T) {
	t.Parallel()
	s := fedmsgtest.StartNATS(t, fedmsgtest.NATSOptions{})
	try(t, s.Pause())
	sink, err := NewSink(deliver.Config{Name: "it", To: "nats://" + s.Addr + "?jetstream=yes"}, nil)
	try(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	opened := make(chan error, 1)
	go func() {
		_, err := sink.Open(ctx, &deliver.Answers{})
		opened <- err
	}()
	await(t, "it to wait for the server", func() bool { return waitsForInfo() })
	cancel()
	if err := <-opened; err == nil || strings.Contains(err.Error(), "timeout") { // its own time is over later
		t.Error(err)
	}
}

// waitsForInfo reports whether some goroutine is in the handshake.
func waitsForInfo() bool {
	buf := make([]byte, 1<<20)
	return strings.Contains(string(buf[:runtime.Stack(buf, true)]), "processExpectedInfo")
}
