package zmtp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestWriteTimeout: who takes nothing is cut off, and the reader of the connection hears why.
func TestWriteTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := fakeShaken(t, "01", Options{WriteTimeout: 10 * time.Second, Heartbeat: -1})
		ended, began := receiving(c), time.Now()
		err := c.Write(make([]byte, 101))
		if d := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || d < 10*time.Second || d > 20*time.Second {
			t.Errorf("after %v: %v", d, err)
		}
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the reader's error is %v", err)
		}
		if err := c.Write([]byte{0, 0}); err == nil {
			t.Error("a write after the end did not fail")
		}
	})
}

// TestWriteToASlowPeer: who takes a byte in each WriteTimeout is not cut off, nor is anybody where there is none.
func TestWriteToASlowPeer(t *testing.T) {
	t.Parallel()
	for name, timeout := range map[string]time.Duration{"10s": 10 * time.Second, "none": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, f := fakeShaken(t, "01", Options{WriteTimeout: timeout})
				written, many := make(chan error, 1), bytes.Repeat([]byte("x"), 110)
				go func() {
					written <- errors.Join(c.Write(many), c.WriteBuffers(net.Buffers{[]byte("abc"), []byte("defg")}))
				}()
				for _, want := range string(many) + "abcdefg" {
					time.Sleep(9 * time.Second)
					f.expect("'" + string(want))
				}
				if err := <-written; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestWriteSome: what the system does not take at once goes in front of the next write.
func TestWriteSome(t *testing.T) {
	t.Parallel()
	client, server := tcpPair(t)
	o := Options{}.filled()
	c := newConn(server, "x", PUSH, &o)
	defer c.Close()
	var sent byte
	whole, err := c.writeSome([]byte{sent})
	if !whole || err != nil {
		t.Fatal("one byte was not written:", whole, err)
	}
	total := 1
	for whole {
		sent++
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = sent
		}
		total += len(b)
		if whole, err = c.writeSome(b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.ReadFull(client, make([]byte, 2<<20)); err != nil {
		t.Fatal(err)
	}
	total -= 2 << 20
	if whole, err = c.writeSome([]byte{sent}); whole || err != nil {
		t.Errorf("more was written before what was left: %v, %v", whole, err)
	}
	total++
	read := make(chan []byte, 1)
	go func() {
		b := make([]byte, total)
		io.ReadFull(client, b)
		read <- b
	}()
	if err := c.Write(nil); err != nil {
		t.Fatal(err)
	}
	b := <-read
	last := b[0]
	for i, x := range b {
		if x != last && x != last+1 || x > sent {
			t.Fatalf("byte %d is %d behind %d", i, x, last)
		}
		last = x
	}
	if last != sent || b[0] == sent {
		t.Errorf("the last byte is %d, want %d", last, sent)
	}
}

// TestCloseEndsAWriteThatWaits.
func TestCloseEndsAWriteThatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := fakeShaken(t, "01", Options{})
		written := make(chan error, 1)
		go func() { written <- c.Write(make([]byte, 101)) }()
		synctest.Wait()
		c.Close()
		if err := <-written; !errors.Is(err, ErrClosed) {
			t.Errorf("the error is %v", err)
		}
	})
}

// tcpPair is a connection over TCP.
func tcpPair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err = net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}
