package zmtp

import (
	"bytes"
	"path/filepath"
	"runtime"
	"testing"
)

// TestIdleConnectionsCostLittle is not parallel: it measures the memory of the process.
func TestIdleConnectionsCostLittle(t *testing.T) {
	const count = 300
	in := make(chan struct{})
	ln := serve(t, "ipc://"+filepath.Join(t.TempDir(), "s"), PUB, Options{}, func(c *Conn) {
		in <- struct{}{}
		c.Receive(make([]Incoming, 0, 1))
	})
	before := inUse()
	for range count {
		c, err := Dial(t.Context(), ln.URI(), SUB, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		<-in
	}
	// Both sides are here, and of one a goroutine that reads.
	each := (inUse() - before) / (2 * count)
	t.Logf("%d bytes a side", each)
	if each > 12<<10 {
		t.Errorf("an idle connection costs %d bytes", each)
	}
}

// inUse is the memory of heap and stacks.
func inUse() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// TestReceiveAllocatesLittle: what is received costs its own bytes and its slices, in big pieces, and writing costs nothing.
func TestReceiveAllocatesLittle(t *testing.T) {
	a, b := bufferedPipe(1 << 20)
	o := Options{}.filled()
	from, to := newConn(a, "pipe", PUSH, &o), newConn(b, "pipe", PULL, &o)
	from.peer.Major, to.peer.Major = 3, 3
	topic, body := bytes.Repeat([]byte("t"), 60), bytes.Repeat([]byte("b"), 1024)
	var encoded []byte
	for range 500 {
		encoded = AppendMessage(encoded, topic, body)
	}
	batch := make([]Incoming, 0, 256)
	exchange := func() {
		if err := from.Write(encoded); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < 500; {
			in, err := to.Receive(batch[:0])
			if err != nil {
				t.Fatal(err)
			}
			got += len(in)
		}
	}
	exchange()
	// 9 chunks of 64 KiB, and 4 slabs of 256 frames; the pipe's own memory grows now and then.
	if n := testing.AllocsPerRun(20, exchange); n > 20 {
		t.Errorf("500 messages cost %v allocations", n)
	}
}
