package zmtp

import (
	"bytes"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// TestNoGoroutineOutlivesClose is not parallel: it counts the goroutines of the package.
func TestNoGoroutineOutlivesClose(t *testing.T) {
	for _, uri := range []string{"tcp://127.0.0.1:0", "ipc://" + filepath.Join(t.TempDir(), "s")} {
		before := ours()
		in := make(chan struct{}, 10)
		reading := func(c *Conn) { in <- struct{}{}; c.Receive(nil) }
		bound := newSocket(PUSH, Options{}, reading)
		uri, err := bound.Bind(uri)
		if err != nil {
			t.Fatal(err)
		}
		connected := newSocket(PULL, Options{}, reading)
		for _, to := range []string{uri, "tcp://127.0.0.1:1", "ipc:///nowhere/at/all", "tcp://does-not-exist.invalid:1"} {
			if err := connected.Connect(to); err != nil {
				t.Fatal(err)
			}
		}
		silent := dialFake(t, bound.endpoints[uri].listener)
		silent.expect(wireSignature)
		<-in
		<-in
		bound.Close()
		connected.Close()
		// A goroutine that has told of its end may still be about to end.
		for deadline := time.Now().Add(5 * time.Second); ours() > before; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d goroutines more than before:\n%s", ours()-before, stacks())
			}
		}
	}
}

// ours counts the goroutines that are in code of the package or were started by it.
func ours() int {
	n := 0
	for _, stack := range bytes.Split(stacks(), []byte("\n\n")) {
		if bytes.Contains(stack, []byte("/zmtp.")) && !bytes.Contains(stack, []byte("testing.tRunner")) {
			n++
		}
	}
	return n
}

func stacks() []byte {
	b := make([]byte, 1<<20)
	return b[:runtime.Stack(b, true)]
}
