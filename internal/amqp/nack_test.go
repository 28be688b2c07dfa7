package amqp

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// answering stands before a server and gives the answers to what is published in its place, which it swallows.
type answering struct {
	addr   string
	client net.Conn      // set when there is a client
	came   chan struct{} // closed then

	mu sync.Mutex // held over writes to the client
}

// answerFor starts one, which ends with the test, for one client.
func answerFor(t *testing.T, server string) *answering {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	try(t, err)
	a := &answering{addr: l.Addr().String(), came: make(chan struct{})}
	var all sync.WaitGroup
	all.Go(func() {
		client, err := l.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		behind, err := net.Dial("tcp", server)
		if err != nil {
			return
		}
		a.client = client
		close(a.came)
		all.Go(func() {
			_, _ = io.Copy(behind, client) // until either has ended
			behind.Close()
		})
		a.passOn(behind)
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return a
}

// The methods of AMQP's class basic that answer what is published.
const (
	basicClass = 60
	basicAck   = 80
	basicNack  = 120
)

// passOn copies the server's frames, but for those.
func (a *answering) passOn(server net.Conn) {
	defer a.client.Close()
	for {
		head := make([]byte, 7) // kind, channel, length
		if _, err := io.ReadFull(server, head); err != nil {
			return
		}
		rest := make([]byte, binary.BigEndian.Uint32(head[3:])+1)
		if _, err := io.ReadFull(server, rest); err != nil {
			return
		}
		if head[0] == 1 && binary.BigEndian.Uint16(rest) == basicClass && binary.BigEndian.Uint16(rest[2:]) == basicAck {
			continue
		}
		a.write(append(head, rest...))
	}
}

func (a *answering) write(b []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, _ = a.client.Write(b) // the client may be gone
}

// say answers on the first channel.
func (a *answering) say(method uint16, tag uint64, multiple byte) {
	b := binary.BigEndian.AppendUint32([]byte{1, 0, 1}, 13)
	b = binary.BigEndian.AppendUint16(b, basicClass)
	b = binary.BigEndian.AppendUint16(b, method)
	b = binary.BigEndian.AppendUint64(b, tag)
	a.write(append(b, multiple, 0xce))
}

// TestNackBeforeAcks has the server refuse one entry before it acknowledges those around it with one ack, as RabbitMQ does where a
// queue is full and what it took is not on disk yet.
func TestNackBeforeAcks(t *testing.T) {
	t.Parallel()
	a := answerFor(t, theServer(t).Addr)
	made, err := NewSink(deliver.Config{Name: "it", To: address("amqp", a.addr, "")}, nil)
	try(t, err)
	h := &heard{}
	s, err := made.(*Sink).open(t.Context(), h)
	try(t, err)
	<-a.came
	for seq := range uint64(4) {
		try(t, s.Send(t.Context(), entryOf(seq+1, "org.example.dev.x", "x", "{}", "{}")))
	}
	try(t, s.Flush(t.Context()))
	a.say(basicNack, 2, 0)
	a.say(basicAck, 4, 1)
	await(t, "all that it tells", func() bool { return strings.Contains(h.String(), "lost") || strings.Contains(h.String(), "4") })
	try(t, s.Close())
	if h.String() != "through 1, lost" || !strings.Contains(s.reason.Error(), "could not take the entry 2") {
		t.Errorf("it tells %q, and %v", h, s.reason)
	}
}
