package amqp

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// appendFrame appends a frame as a server writes it.
func appendFrame(b []byte, kind byte, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(append(b, kind, 0, 1), uint32(len(payload)))
	return append(append(b, payload...), 0xce)
}

// appendDelivery appends a message with a body of so many bytes, in frames of at most so many.
func appendDelivery(b []byte, size, most int) []byte {
	b = appendFrame(b, 1, make([]byte, 20))
	head := binary.BigEndian.AppendUint64([]byte{0, 60, 0, 0}, uint64(size))
	b = appendFrame(b, kindContent, append(head, make([]byte, size%31)...))
	for ; size > 0; size -= min(size, most) {
		b = appendFrame(b, kindBody, bytes.Repeat([]byte{kindContent}, min(size, most)))
		b = appendFrame(b, 8, nil) // a sign of life
	}
	return b
}

// TestFramesAreFollowed holds that a message is counted with the last byte of its last frame, however the bytes come.
func TestFramesAreFollowed(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, chunk := range []int{1, 2, 7, 8, 19, 20, 100, 4096, 1 << 20} {
		var f frames
		for i := range 200 {
			size := rnd.IntN(3000)
			if i%10 == 0 {
				size = 0
			}
			const life = headBytes + 1 // bytes of the frame behind the last one
			b := appendDelivery(nil, size, 1+rnd.IntN(2000))
			end := len(b)
			if size > 0 {
				end -= life
			}
			before := 0
			for at := 0; at < end-1; at += chunk {
				before += f.read(b[at:min(at+chunk, end-1)])
			}
			if last := f.read(b[end-1 : end]); before != 0 || last != size {
				t.Fatalf("in chunks of %d a message of %d bytes was counted with %d before its last byte, and with %d there", chunk, size, before, last)
			}
			f.read(b[end:])
		}
	}
}

// TestInletHoldsBack holds that reading waits while many bytes are not handed on, goes on when they are, takes one that is larger than
// the bound to its end, and ends with the connection.
func TestInletHoldsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		in := newInlet(here)
		var wait sync.WaitGroup
		defer wait.Wait()
		defer there.Close()
		defer in.Close()
		messages := []int{10 << 20, 10 << 20, 10 << 20, 10 << 20, maxAhead + 1<<20, 1, 1}
		wait.Go(func() {
			for _, size := range messages {
				if _, err := there.Write(appendDelivery(nil, size, 100<<10)); err != nil {
					return
				}
			}
		})
		var mu sync.Mutex
		var seen frames
		whole := 0
		wait.Go(func() {
			for b := make([]byte, 64<<10); ; {
				n, err := in.Read(b)
				mu.Lock()
				whole += seen.read(b[:n])
				mu.Unlock()
				if err != nil {
					if err != io.ErrClosedPipe {
						t.Errorf("the end is %v", err)
					}
					return
				}
			}
		})
		hold := func(want int) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if whole != want {
				t.Fatalf("%d bytes of messages were read, want %d", whole, want)
			}
		}
		hold(40 << 20)
		in.handedOn(9 << 20)
		hold(40<<20 + maxAhead + 1<<20)
		in.handedOn(32 << 20)
		hold(40<<20 + maxAhead + 1<<20)
	})
}

// shutDoor is a door whose log takes nothing until it is opened.
type shutDoor struct {
	open chan struct{}
	mu   sync.Mutex
	ids  []string // guarded by mu: of what came, in order
}

// SubmitCarried takes everything.
func (d *shutDoor) SubmitCarried(_ context.Context, _ fedmsg.Sender, messages ...wire.Carried) fedmsg.Ticket {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range messages {
		d.ids = append(d.ids, messages[i].ID)
	}
	return shutTicket{d, len(messages)}
}

func (d *shutDoor) came() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.ids)
}

type shutTicket struct {
	door *shutDoor
	n    int
}

// Wait waits for the door to be opened.
func (t shutTicket) Wait(ctx context.Context) ([]fedmsg.Outcome, error) {
	select {
	case <-t.door.open:
		return make([]fedmsg.Outcome, t.n), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestLargeMessages has a server send ahead 40 messages of 4 MiB while the log takes nothing: no more than the bounds is in memory. When
// the log takes them, all come in order.
func TestLargeMessages(t *testing.T) {
	r := theServer(t)
	name := unique(t)
	ch := channelOf(t, r.Addr)
	_, err := ch.QueueDeclare(name, true, false, false, false, nil)
	try(t, err)
	t.Cleanup(func() { _, _ = ch.QueueDelete(name, false, false, false) })
	const count, size = 40, 4 << 20
	body := []byte(`{"x":"` + strings.Repeat("x", size) + `"}`)
	var want []string
	for i := range count {
		want = append(want, fmt.Sprintf("large-%d", i))
		try(t, ch.PublishWithContext(t.Context(), "", name, true, false, amqp.Publishing{MessageId: want[i], Body: body, DeliveryMode: amqp.Persistent}))
	}
	c := receive.Config{Name: "large", From: address("amqp", r.Addr, "", "queue", name, "topology", "none"), Topics: []fedmsg.Pattern{fedmsg.MatchAll()}}
	source, err := NewSource(c, nil)
	try(t, err)
	door := &shutDoor{open: make(chan struct{})}
	before := memory()
	s, err := receive.New([]receive.Configured{{Config: c, Source: source, InFlight: SourceInFlight}}, receive.Deps{
		Door: func(*receive.Config) receive.Door { return door }, Dir: t.TempDir(),
	})
	try(t, err)
	s.Start()
	await(t, "reading to wait for room", func() bool {
		buf := make([]byte, 1<<20)
		stacks := string(buf[:runtime.Stack(buf, true)])
		return slices.ContainsFunc(strings.Split(stacks, "\n\n"), func(g string) bool {
			return strings.Contains(g, "(*inlet).Read") && strings.Contains(g, "(*Cond).Wait")
		})
	})
	most := int64(maxAhead + 32<<20 + 4*size) // the intake's bound beside, and what is between the two
	if grown := memory() - before; grown > most {
		t.Errorf("the process has %d MiB more with the log shut, want at most %d", grown>>20, most>>20)
	}
	close(door.open)
	await(t, "all messages", func() bool { return len(door.came()) >= count })
	if got := door.came(); !slices.Equal(got, want) {
		t.Errorf("there came %q", got)
	}
	try(t, s.Stop(t.Context()))
}
