package amqp

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// TestWindow holds the window against a plain list over many pushes and pops.
func TestWindow(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var w window
	var want []pending
	next, tag := uint64(1), uint64(0)
	for range 50_000 {
		if len(want) < 3000 && random.IntN(100) < 52 {
			p := pending{seq: next, id: fmt.Sprint(next)}
			next++
			w.push(p)
			p.answer = acked(true)
			w.published(p.answer)
			want = append(want, p)
			continue
		}
		if len(want) == 0 {
			continue
		}
		if random.IntN(10) == 0 { // the oldest comes back
			want[0].returned = "NO_ROUTE"
			w.returned(want[0].id, "NO_ROUTE")
		}
		tag++
		got, err := w.pop(tag)
		if err != nil || got != want[0] {
			t.Fatalf("the confirm %d is of %+v, %v; want %+v", tag, got, err, want[0])
		}
		want = want[1:]
	}
	if _, err := w.pop(tag + 2); err == nil {
		t.Error("a confirm was left out and it went on")
	}
}

// TestCork shows that what is written while it is held waits, in order, and that an idle one keeps little.
func TestCork(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	defer client.Close()
	c := &cork{Conn: client}
	got := make(chan []byte)
	go func() { // ends with the pipe
		defer close(got)
		for {
			buf := make([]byte, 1<<20)
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			got <- buf[:n]
		}
	}()
	c.hold(true)
	for i := range 100 {
		if _, err := fmt.Fprintf(c, "%03d", i); err != nil {
			t.Fatal(err)
		}
	}
	c.hold(false)
	done := make(chan error)
	go func() { // the test waits for it
		_, err := c.Write([]byte("end"))
		done <- err
	}()
	if text := string(<-got); len(text) != 303 || text[:6] != "000001" || text[297:] != "099end" {
		t.Errorf("written was %q", text)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if cap(c.buf) > keptBytes {
		t.Errorf("an idle cork keeps %d bytes", cap(c.buf))
	}
	client.Close()
	if err := c.flush(); err != nil {
		t.Errorf("nothing to write fails: %v", err)
	}
	c.hold(true)
	if _, err := c.Write(make([]byte, corkBytes)); err == nil {
		t.Error("a closed connection takes what is written")
	}
	<-got
}
