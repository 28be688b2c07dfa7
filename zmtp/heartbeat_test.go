package zmtp

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fakeShaken gives a connection and the fake at its other end, which is a SUB of the minor version that is named.
func fakeShaken(t *testing.T, minor string, o Options) (*Conn, *fake) {
	t.Helper()
	a, b := bufferedPipe(100)
	o = o.filled()
	c := newConn(a, "pipe", PUB, &o)
	t.Cleanup(func() { c.Close(); b.Close() })
	done := make(chan error, 1)
	go func() { done <- c.handshake(&o) }()
	f := &fake{t, b}
	f.send(wireSignature, "03", minor, wireNULL, wireClient)
	f.expect(wireSignature, "03 01", wireNULL, wireClient)
	f.expect("04 19 05", "'READY", "0b", "'Socket-Type", "00000003", "'PUB")
	f.send("04 19 05", "'READY", "0b", "'Socket-Type", "00000003", "'SUB")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return c, f
}

// receiving calls Receive until it fails.
func receiving(c *Conn) <-chan error {
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := c.Receive(nil); err != nil {
				ended <- err
				return
			}
		}
	}()
	return ended
}

// TestHeartbeatKeeps: two of ours that have nothing to say stay connected, and hold no memory for reading.
func TestHeartbeatKeeps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t, PUB, SUB, Options{}, Options{})
		enda, endb := receiving(a), receiving(b)
		for range 100 {
			if err := a.Write(AppendMessage(nil, make([]byte, 100_000))); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		select {
		case err := <-enda:
			t.Fatal(err)
		case err := <-endb:
			t.Fatal(err)
		default:
		}
		for _, c := range []*Conn{a, b} {
			if cap(c.in.buf) > minChunk || cap(c.msg.slab) != 0 {
				t.Errorf("after an hour, %d bytes and %d frames are held", cap(c.in.buf), cap(c.msg.slab))
			}
		}
		a.Close()
		if err := <-enda; !errors.Is(err, ErrClosed) {
			t.Errorf("the side that closed it has the error %v", err)
		}
		if err := <-endb; !errors.Is(err, io.EOF) {
			t.Errorf("the other side has the error %v", err)
		}
	})
}

// TestHeartbeatBytes: a silent peer is asked after the time that was set, and cut off after the other; any byte keeps it.
func TestHeartbeatBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, f := fakeShaken(t, "01", Options{Heartbeat: 3 * time.Second, HeartbeatTimeout: 2 * time.Second})
		ended, began := receiving(c), time.Now()
		ping := []string{"04 07 04", "'PING", "0032"}
		f.expect(ping...)
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("asked after %v", d)
		}
		time.Sleep(time.Second)
		f.send("04 05 04", "'PONG")
		f.expect(ping...)
		if d := time.Since(began); d != 7*time.Second {
			t.Errorf("asked again after %v", d)
		}
		f.send("00 01 01")
		f.expect(ping...)
		err := <-ended
		if d := time.Since(began); d != 12*time.Second || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ended after %v: %v", d, err)
		}
		f.expectEnd()
	})
}

// TestHeartbeatNotAsked: peers of ZMTP 3.0 do not know PING, and who set no heartbeat does not ask.
func TestHeartbeatNotAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		minor string
		o     Options
	}{"3.0": {"00", Options{Heartbeat: time.Second, HeartbeatTimeout: time.Second}}, "none": {"01", Options{Heartbeat: -1}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				conn, f := fakeShaken(t, c.minor, c.o)
				ended := receiving(conn)
				f.nc.SetReadDeadline(time.Now().Add(time.Hour))
				if n, err := f.nc.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("after an hour of silence: %d bytes, %v", n, err)
				}
				conn.Close()
				<-ended
			})
		})
	}
}

// TestPong gives the context back, and nobody who sends more than the protocol allows is answered.
func TestPong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, f := fakeShaken(t, "01", Options{})
		ended := receiving(c)
		f.send("04 0a 04", "'PING", "0001", "'abc", "04 07 04", "'PING", "0000")
		f.expect("04 08 04", "'PONG", "'abc", "04 05 04", "'PONG")
		f.send("04 18 04", "'PING", "0001", "'12345678901234567")
		if err := <-ended; !errors.Is(err, ErrProtocol) {
			t.Errorf("the error is %v", err)
		}
	})
}

// TestPongBesideAWriteThatWaits: the one that reads does not wait for the one that writes, and answers come behind what is
// written. Else two peers that send each other much and read slowly would wait for each other for ever.
func TestPongBesideAWriteThatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, f := fakeShaken(t, "01", Options{})
		written := make(chan error, 1)
		go func() { written <- c.Write(make([]byte, 101)) }()
		synctest.Wait()
		f.send("04 07 04", "'PING", "0000", "00 01 01")
		if in, err := c.Receive(nil); err != nil || !in[0].Subscribe {
			t.Errorf("received %v, %v", in, err)
		}
		f.expect(strings.Repeat("00", 101), "04 05 04", "'PONG")
		if err := <-written; err != nil {
			t.Error(err)
		}
	})
}

// TestPingsWithoutReading: a peer that asks and asks and takes no answer costs bounded memory.
func TestPingsWithoutReading(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, f := fakeShaken(t, "01", Options{})
		ended := receiving(c)
		for range 1000 {
			f.send("04 17 04", "'PING", "0001", "'1234567890123456")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		c.out.waiting.Lock()
		n := len(c.out.plain)
		c.out.waiting.Unlock()
		c.out.Lock()
		n += len(c.out.rest)
		c.out.Unlock()
		if n > 2*maxControl {
			t.Errorf("%d bytes of answers wait", n)
		}
		c.Close()
		<-ended
	})
}
