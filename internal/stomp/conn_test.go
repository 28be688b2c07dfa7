package stomp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// strange is a server that a test speaks for.
type strange struct {
	t *testing.T
	net.Listener
}

func startStrange(t *testing.T) *strange {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &strange{t, l}
}

// meet lets one client in, with what follows CONNECTED, and gives what it says after its CONNECT.
func (s *strange) meet(answer string) (net.Conn, *bufio.Reader) {
	s.t.Helper()
	c, err := s.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	r := bufio.NewReader(c)
	if hello, err := r.ReadString(0); err != nil || !strings.HasPrefix(hello, "CONNECT\naccept-version:1.2\nhost:/\n") {
		s.t.Fatalf("the client says %q, %v", hello, err)
	}
	fmt.Fprint(c, answer)
	return c, r
}

const welcome = "CONNECTED\nversion:1.2\nserver:strange/1\n"

// converse has a sink log in with a server that a test speaks for, which answers so, in virtual time. It gives the test's end.
func converse(t *testing.T, to, answer string) (*session, net.Conn) {
	t.Helper()
	made, err := NewSink(deliver.Config{To: to}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	go func() { // ends with the pipe
		if _, err := bufio.NewReaderSize(far, 16).ReadString(0); err == nil {
			io.WriteString(far, answer)
		}
	}()
	n := &session{sink: made.(*Sink), answers: &deliver.Answers{}, ended: make(chan struct{})}
	if n.conn, err = n.sink.server.login(&listening{Conn: near}, 4<<10, maxAnswer, n.lost); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close() })
	return n, far
}

// TestHeartbeats has a client that has nothing to say let hear of itself as often as was agreed, and wait for a server for as long.
func TestHeartbeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n, far := converse(t, "stomp://127.0.0.1/?heartbeat=2s", welcome+"heart-beat:3000,5000\n\n\x00")
		start := time.Now()
		over := make(chan error)
		go func() {
			_, err := n.in.next()
			over <- err
		}()
		buf, last := make([]byte, 10), start
		for range 20 {
			if k, err := far.Read(buf); err != nil || string(buf[:k]) != "\n" {
				t.Fatalf("%q instead of a heart-beat: %v", buf[:k], err)
			}
			if gap := time.Since(last); gap < time.Second || gap > 5*time.Second {
				t.Errorf("a heart-beat behind %s", gap)
			}
			last = time.Now()
			io.WriteString(far, "\n")
		}
		go io.Copy(io.Discard, far)
		if err := <-over; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(last) != 6*time.Second {
			t.Errorf("%v behind %s of silence", err, time.Since(last))
		}
		far.Close()
		n.Finish(nothing)
	})
}

// TestNoHeartbeats keeps a connection on which neither side wants any.
func TestNoHeartbeats(t *testing.T) {
	t.Parallel()
	for beat, offer := range map[string]string{"0s": "10,10", "10ms": "0,0"} {
		synctest.Test(t, func(t *testing.T) {
			n, far := converse(t, "stomp://127.0.0.1/?heartbeat="+beat, welcome+"heart-beat:"+offer+"\n\n\x00")
			over := make(chan error)
			go func() {
				_, err := n.in.next()
				over <- err
			}()
			far.SetReadDeadline(time.Now().Add(time.Hour))
			if b, err := bufio.NewReader(far).ReadByte(); err == nil {
				t.Errorf("with %s and an offer of %s it says %q", beat, offer, b)
			}
			select {
			case err := <-over:
				t.Errorf("with %s and an offer of %s it leaves: %v", beat, offer, err)
			default:
			}
			far.Close()
			<-over
			n.Finish(nothing)
		})
	}
}

// TestSilence leaves a server of which nothing is heard any more, and says so; what was not answered is sent again.
func TestSilence(t *testing.T) {
	t.Parallel()
	s, m := startStrange(t), newMemory()
	set := deliverTo(t, m, deliver.Config{To: "stomp://" + s.Addr().String() + "/?heartbeat=50ms", RetryFirst: time.Hour, RetryMax: time.Hour})
	e := m.say("x", `{}`, "")
	s.meet(welcome + "heart-beat:50,50\n\n\x00")
	await(t, "the silence is told of", func() bool { return strings.Contains(set.List()[0].LastError, "nothing was heard of") })
	if d := set.Deliveries(e); d[0].State != fedmsg.DeliveryPending {
		t.Errorf("what was not answered is %+v", d)
	}
}

// TestGreetings has servers answer CONNECT with what no server should.
func TestGreetings(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		"CONNECTED\nversion:1.1\n\n\x00":          `speaks STOMP "1.1"; 1.2 is needed`,
		"CONNECTED\n\n\x00":                       `speaks STOMP ""`,
		"ERROR\nmessage:go\\naway\n\nlong\x00":    `the server says "go"`,
		"ERROR\n\nno \x1b[1mentry\nmore\x00":      `the server says "no  [1mentry"`,
		"RECEIPT\nreceipt-id:1\n\n\x00":           `a frame "RECEIPT" came out of place`,
		"HTTP/1.1 400 Bad Request\r\n\r\nsorry":   `"HTTP/1.1 400 Bad Request" begins no frame of STOMP`,
		"CONNECTED\nversion:1.2\n" + "no end\n\n": "without a colon",
		"": "does not answer",
		"CONNECTED\nversion:1.2\ncontent-length:9": "does not answer",
	} {
		s := startStrange(t)
		sink, err := NewSink(deliver.Config{To: "stomp://" + s.Addr().String()}, quiet())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(soon(t))
		done := make(chan error, 1)
		go func() {
			_, err := sink.Open(ctx, &deliver.Answers{})
			done <- err
		}()
		s.meet(answer)
		if want == "does not answer" {
			cancel()
		}
		if err := <-done; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", answer, err, want)
		}
		cancel()
	}
}

// TestNoTLS tells of a server that answers without TLS.
func TestNoTLS(t *testing.T) {
	t.Parallel()
	s := startStrange(t)
	sink, err := NewSink(deliver.Config{To: "stomp+tls://" + s.Addr().String()}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if c, err := s.Accept(); err == nil {
			fmt.Fprint(c, "ERROR\n\nwhat\x00")
			c.Close()
		}
	}()
	if _, err := sink.Open(soon(t), &deliver.Answers{}); err == nil || !strings.Contains(err.Error(), "no TLS with stomp+tls://") {
		t.Error(err)
	}
}

// TestBlockedServer has a server stop reading: sending waits no longer than its context, and leaving takes little time.
func TestBlockedServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n, _ := converse(t, "stomp://127.0.0.1", welcome+"heart-beat:0,0\n\n\x00")
		go n.read()
		big := newMemory().say("x", `{"x":"`+strings.Repeat("x", fullBytes)+`"}`, "")
		ctx, cancel := context.WithCancel(t.Context())
		sent := make(chan error)
		go func() {
			for {
				if err := n.Send(ctx, big); err != nil {
					sent <- err
					return
				}
			}
		}()
		synctest.Wait() // every buffer is full
		cancel()
		if err := <-sent; !errors.Is(err, context.Canceled) {
			t.Errorf("sending ended with %v", err)
		}
		start := time.Now()
		if n.Close(); time.Since(start) > 2*closeTime {
			t.Errorf("leaving took %s", time.Since(start))
		}
	})
}

// TestReadsNoMoreThanItHolds bounds what a source keeps of messages that are not on disk.
func TestReadsNoMoreThanItHolds(t *testing.T) {
	t.Parallel()
	b := newBudget(100)
	for _, n := range []int{60, 40} {
		if err := b.take(soon(t), n); err != nil {
			t.Fatal(err)
		}
	}
	if b.has(1) {
		t.Error("there is room beyond the limit")
	}
	taken := make(chan error)
	go func() { taken <- b.take(soon(t), 500) }() // larger than all: alone
	for _, n := range []int{60, 40} {
		select {
		case <-taken:
			t.Fatal("it was taken beside others")
		default:
		}
		b.give(n)
	}
	if err := <-taken; err != nil || b.has(1) {
		t.Errorf("%v, %t", err, b.has(1))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.take(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestIdleSession bounds what a connection costs that has delivered something and has nothing to do. It runs alone.
func TestIdleSession(t *testing.T) {
	s, m := startStrange(t), newMemory()
	sink, err := NewSink(deliver.Config{To: "stomp://" + s.Addr().String() + "/?heartbeat=100ms"}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	const count = 100
	e := m.say("x", `{"x":"`+strings.Repeat("x", 100<<10)+`"}`, "")
	met := make(chan *bufio.Reader, count)
	go func() {
		for range count {
			_, r := s.meet(welcome + "heart-beat:0,100\n\n\x00")
			met <- r
		}
	}()
	var closing sync.WaitGroup
	over := make(chan struct{})
	defer closing.Wait()
	defer close(over)
	before := inUse()
	var readers []*bufio.Reader
	for range count {
		session, err := sink.Open(soon(t), &deliver.Answers{})
		if err != nil {
			t.Fatal(err)
		}
		closing.Go(func() {
			<-over
			session.Close() // the other end says nothing to it
		})
		if err := errors.Join(session.Send(soon(t), e), session.Flush(soon(t))); err != nil {
			t.Fatal(err)
		}
		readers = append(readers, <-met)
	}
	for _, r := range readers { // with the second heart-beat the buffers are gone
		if _, err := r.ReadString(0); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if b, err := r.ReadByte(); err != nil || b != '\n' {
				t.Fatalf("%q instead of a heart-beat: %v", b, err)
			}
		}
	}
	// The other end and its reader, which has 4 KB, are in it too.
	if each := (inUse() - before) / count; each > 40<<10 {
		t.Errorf("an idle session takes %d bytes", each)
	} else {
		t.Logf("an idle session takes %d bytes", each)
	}
}

func inUse() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}
