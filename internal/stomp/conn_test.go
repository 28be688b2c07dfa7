package stomp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
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

// TestHeartbeats has a client that has nothing to say let hear of itself, and give up a server of which it hears nothing.
func TestHeartbeats(t *testing.T) {
	t.Parallel()
	s, m := startStrange(t), newMemory()
	set := deliverTo(t, m, deliver.Config{To: "stomp://" + s.Addr().String() + "/?heartbeat=50ms", RetryFirst: time.Hour, RetryMax: time.Hour})
	e := m.say("x", `{}`, "")
	c, r := s.meet(welcome + "heart-beat:1500,60\n\n\x00\n\n") // a busy machine keeps the longer time, which is the server's
	if _, err := r.ReadString(0); err != nil {                 // the entry
		t.Fatal(err)
	}
	last := time.Now()
	for range 20 {
		if b, err := r.ReadByte(); err != nil || b != '\n' {
			t.Fatalf("%q instead of a heart-beat: %v", b, err)
		}
		if gap := time.Since(last); gap > time.Second { // 60 ms were agreed; the machine may be busy
			t.Errorf("no heart-beat for %s", gap)
		}
		last = time.Now()
		fmt.Fprint(c, "\n")
	}
	if _, err := r.ReadByte(); err == nil { // silence from here on: it leaves
		for err == nil {
			_, err = r.ReadByte()
		}
	}
	await(t, "the silence is told of", func() bool { return strings.Contains(set.List()[0].LastError, "nothing was heard of") })
	if d := set.Deliveries(e); d[0].State != fedmsg.DeliveryPending {
		t.Errorf("what was not answered is %+v", d)
	}
}

// TestNoHeartbeats keeps a connection on which neither side wants any.
func TestNoHeartbeats(t *testing.T) {
	t.Parallel()
	for beat, offer := range map[string]string{"0s": "10,10", "10ms": "0,0"} {
		s, m := startStrange(t), newMemory()
		deliverTo(t, m, deliver.Config{To: "stomp://" + s.Addr().String() + "/?heartbeat=" + beat})
		m.say("x", `{}`, "")
		c, r := s.meet(welcome + "heart-beat:" + offer + "\n\n\x00")
		r.ReadString(0)
		c.SetReadDeadline(time.Now().Add(300 * time.Millisecond)) // nothing is said for longer than any of these times
		if b, err := r.ReadByte(); err == nil {
			t.Errorf("with %s and an offer of %s it says %q", beat, offer, b)
		}
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

// TestTransactions sees what ActiveMQ is sent: many entries in few transactions, each committed by the time that nothing more comes.
func TestTransactions(t *testing.T) {
	t.Parallel()
	s, m := startStrange(t), newMemory()
	sink, err := NewSink(deliver.Config{To: "stomp://" + s.Addr().String()}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan []string, 1)
	go func() {
		_, r := s.meet("CONNECTED\nversion:1.2\nserver:ActiveMQ/5.17.2\n\n\x00")
		var commands []string
		for {
			f, err := r.ReadString(0)
			command, _, _ := strings.Cut(f, "\n")
			commands = append(commands, command)
			if err != nil || command == "DISCONNECT" {
				heard <- commands
				return
			}
		}
	}()
	session, err := sink.Open(soon(t), &deliver.Answers{})
	if err != nil {
		t.Fatal(err)
	}
	send := func(e *fedmsg.Entry) {
		if err := session.Send(soon(t), e); err != nil {
			t.Fatal(err)
		}
	}
	e := m.say("x", `{}`, "")
	fit := maxBytes / (overhead + 200) // with what is around an envelope in its frame there are fewer
	for range fit + 2 {
		send(e)
	}
	for range 2 {
		if err := session.Flush(soon(t)); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		send(m.say("x", `{"x":"`+strings.Repeat("x", maxBytes/2)+`"}`, ""))
	}
	session.Close()
	var runs []string
	for _, c := range <-heard {
		if n := len(runs); n > 0 && strings.HasPrefix(runs[n-1], c+" ") {
			runs[n-1] += "+"
		} else {
			runs = append(runs, c+" ")
		}
	}
	got := strings.Join(runs, "")
	want := regexp.MustCompile(`^BEGIN SEND \+{50,200}COMMIT BEGIN SEND \+*COMMIT BEGIN SEND \+COMMIT BEGIN SEND DISCONNECT $`)
	if !want.MatchString(got) {
		t.Errorf("the server heard\n%s", got)
	}
}

// TestPace makes transactions smaller when one was met with silence, and larger again in the course of time.
func TestPace(t *testing.T) {
	t.Parallel()
	p := newPace()
	if p.full(1, 1000) || !p.full(1, maxBytes) || !p.full(maxBytes/overhead, 0) {
		t.Error("the bounds are not those that it begins with")
	}
	for range 20 {
		p.silence()
	}
	if !p.full(1, 1) {
		t.Error("a transaction that never fits has more than one message")
	}
	for range growth * 30 {
		p.committed()
	}
	if p.full(1, 1000) || !p.full(1, maxBytes) {
		t.Error("it does not grow again up to where it began")
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
	s, m := startStrange(t), newMemory()
	sink, err := NewSink(deliver.Config{To: "stomp://" + s.Addr().String()}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	go func() { s.meet(welcome + "\n\x00") }()
	session, err := sink.Open(soon(t), &deliver.Answers{})
	if err != nil {
		t.Fatal(err)
	}
	big := m.say("x", `{"x":"`+strings.Repeat("x", 200<<10)+`"}`, "")
	ctx, cancel := context.WithCancel(soon(t))
	blocked := time.AfterFunc(200*time.Millisecond, cancel) // long after what it is sent has filled every buffer
	for n := 0; err == nil; n++ {
		if err = session.Send(ctx, big); n > 1000 {
			t.Fatal("200 MB were sent to who reads nothing")
		}
	}
	if blocked.Stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("sending ended with %v", err)
	}
	start := time.Now()
	session.Close()
	if took := time.Since(start); took > 20*closeTime { // the machine may be busy
		t.Errorf("leaving took %s", took)
	}
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
