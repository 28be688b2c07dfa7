package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"time"

	"github.com/go-stomp/stomp/v3/frame"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

const (
	stompMessages = 20_000 // in a round; with many more in a queue that nobody takes from ActiveMQ does little but page
	stompWarm     = 10_000 // sent and taken before: a server that has just started is slow
	stompPending  = 1024   // what the bare client may have without receipt, as the sink
	stompTogether = 80     // messages in a transaction of the bare client, as of the sink with messages of this size
	stompQueue    = "/queue/all"
	stompLive     = "/queue/live" // a topic is kept on disk for nobody, and what is sent to one with a receipt is not synced
)

// withSTOMP starts a server that keeps its queues on disk, in a new directory, for one measurement, and warms it up.
func (b *bench) withSTOMP(measure func(*fedmsgtest.ActiveMQ) (sample, error)) (s sample, err error) {
	b.bridges++
	dir := filepath.Join(b.dir, fmt.Sprintf("stomp-%d", b.bridges))
	a, err := fedmsgtest.NewActiveMQ(dir, fedmsgtest.ActiveMQOptions{Persistent: true, Measured: true})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, a.Remove()) }()
	if err := a.Start(); err != nil {
		return s, err
	}
	if _, err := publishSTOMP(a, stompWarm, stompTogether); err != nil {
		return s, err
	}
	return measure(a)
}

func (b *bench) stompCount() int {
	if b.o.quick {
		return stompMessages / 10
	}
	return stompMessages
}

// sinkSTOMP has a node deliver what is in its log.
func sinkSTOMP(ctx context.Context, b *bench) (sample, error) {
	return b.withSTOMP(func(a *fedmsgtest.ActiveMQ) (sample, error) {
		s, err := b.sinkRate(ctx, b.stompCount(), fmt.Sprintf("to = \"stomp://%s/?destination=%s\"", a.STOMP, stompQueue))
		return s, errors.Join(err, inQueue(a, b.stompCount()))
	})
}

// stompConn is a connection of go-stomp's frames. Its Conn waits for each receipt before it sends the next frame.
type stompConn struct {
	net.Conn
	out    *bufio.Writer
	writer *frame.Writer
	reader *frame.Reader
}

// unflushed hides that what is below has a buffer, which go-stomp would write after each frame.
type unflushed struct{ io.Writer }

func dialSTOMP(a *fedmsgtest.ActiveMQ) (*stompConn, error) {
	nc, err := net.Dial("tcp", a.STOMP)
	if err != nil {
		return nil, err
	}
	out := bufio.NewWriterSize(nc, 64<<10)
	c := &stompConn{Conn: nc, out: out, writer: frame.NewWriterSize(unflushed{out}, 4<<10), reader: frame.NewReaderSize(nc, 64<<10)}
	if err := errors.Join(c.writer.Write(frame.New(frame.CONNECT, frame.AcceptVersion, "1.2", frame.Host, "/")), out.Flush()); err != nil {
		return nil, err
	}
	_, err = c.await(frame.CONNECTED)
	return c, err
}

// await reads the next frame, which has that command.
func (c *stompConn) await(command string) (*frame.Frame, error) {
	f, err := c.reader.Read()
	for err == nil && f == nil { // a heart-beat, or the end of a line behind a frame
		f, err = c.reader.Read()
	}
	if err == nil && f.Command != command {
		err = fmt.Errorf("%s instead of %s: %s", f.Command, command, f.Header.Get(frame.Message))
	}
	return f, err
}

// stompFrame is what a bare publisher sends.
func stompFrame(destination string, envelope []byte, more ...string) *frame.Frame {
	f := frame.New(frame.SEND, append([]string{
		frame.Destination, destination, "persistent", "true", frame.ContentType, "application/json", frame.ContentLength, fmt.Sprint(len(envelope)),
	}, more...)...)
	f.Body = envelope
	return f
}

// bareSTOMP publishes envelopes of the same size as persistent messages, with a receipt for each, or in transactions with one for
// each of those.
func bareSTOMP(together int) func(context.Context, *bench) (sample, error) {
	return func(_ context.Context, b *bench) (sample, error) {
		return b.withSTOMP(func(a *fedmsgtest.ActiveMQ) (sample, error) {
			count := b.stompCount()
			if together == 1 {
				count /= 2 // the server syncs its disk for each
			}
			took, err := publishSTOMP(a, count, together)
			return sample{rate: float64(count) / took.Seconds()}, err
		})
	}
}

// publishSTOMP publishes with as many messages on their way as the sink has, gives the time until the last receipt, and takes them
// out of the queue again.
func publishSTOMP(a *fedmsgtest.ActiveMQ, count, together int) (time.Duration, error) {
	c, err := dialSTOMP(a)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	room, failed := make(chan struct{}, stompPending/together), make(chan error, 1)
	go func() { // ends with the connection
		for {
			if _, err := c.await(frame.RECEIPT); err != nil {
				failed <- err
				return
			}
			<-room
		}
	}()
	start := time.Now()
	for i := 0; i < count; i += together {
		if err := c.send(room, failed, start, i, min(together, count-i)); err != nil {
			return 0, err
		}
	}
	if err := c.out.Flush(); err != nil {
		return 0, err
	}
	for range cap(room) { // until all receipts have come
		select {
		case room <- struct{}{}:
		case err := <-failed:
			return 0, err
		}
	}
	return time.Since(start), inQueue(a, count)
}

// send writes messages, those of one transaction if there are several, when there is room for them.
func (c *stompConn) send(room chan struct{}, failed chan error, now time.Time, first, n int) error {
	if len(room) == cap(room) {
		if err := c.out.Flush(); err != nil {
			return err
		}
	}
	select {
	case room <- struct{}{}:
	case err := <-failed:
		return err
	}
	name := fmt.Sprint(first)
	if n == 1 {
		return c.writer.Write(stompFrame(stompQueue, stompEnvelope(now, first), frame.Receipt, name))
	}
	err := c.writer.Write(frame.New(frame.BEGIN, frame.Transaction, name))
	for i := range n {
		err = errors.Join(err, c.writer.Write(stompFrame(stompQueue, stompEnvelope(now, first+i), frame.Transaction, name)))
	}
	return errors.Join(err, c.writer.Write(frame.New(frame.COMMIT, frame.Transaction, name, frame.Receipt, name)))
}

func stompEnvelope(now time.Time, i int) []byte {
	return wire.AppendEnvelope(nil, &wire.Draft{Topic: benchTopic, ID: wire.NewID(now), Username: "bench", Time: now.Unix(), I: uint64(i), Body: []byte(body())})
}

// inQueue holds that the queue has at least so many messages, by taking them.
func inQueue(a *fedmsgtest.ActiveMQ, count int) error {
	c, err := dialSTOMP(a)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(startPatience)); err != nil {
		return err
	}
	subscribe := frame.New(frame.SUBSCRIBE, frame.Id, "1", frame.Destination, stompQueue, frame.Ack, "auto")
	if err := errors.Join(c.writer.Write(subscribe), c.out.Flush()); err != nil {
		return err
	}
	for i := range count {
		if _, err := c.await(frame.MESSAGE); err != nil {
			return fmt.Errorf("the queue has %d of %d messages: %w", i, count, err)
		}
	}
	return nil
}

// sinkSTOMPLive publishes to a node.
func sinkSTOMPLive(ctx context.Context, b *bench) (sample, error) {
	return b.withSTOMP(func(a *fedmsgtest.ActiveMQ) (sample, error) {
		return b.liveThrough(ctx, overSTOMP, fromSTOMP(a), fmt.Sprintf("to = \"stomp://%s/?destination=%s\"", a.STOMP, stompLive))
	})
}

func fromSTOMP(a *fedmsgtest.ActiveMQ) func(*fan) error {
	return func(f *fan) error { return f.listenSTOMP(a.STOMP, stompLive) }
}

// bareSTOMPLive publishes to the server, persistent and with a receipt for each message.
func bareSTOMPLive(ctx context.Context, b *bench) (sample, error) {
	return b.withSTOMP(func(a *fedmsgtest.ActiveMQ) (sample, error) {
		c, err := dialSTOMP(a)
		if err != nil {
			return sample{}, err
		}
		defer c.Close()
		go func() { // takes the receipts; ends with the connection
			_, _ = io.Copy(io.Discard, c)
		}()
		return b.live(ctx, overSTOMP, fromSTOMP(a), func(mark int) error {
			return errors.Join(c.writer.Write(stompFrame(stompLive, marked(mark), frame.Receipt, fmt.Sprint(mark))), c.out.Flush())
		})
	})
}

// sinkSTOMPStage is a sink to ActiveMQ beside pipelined publishers of go-stomp's frames.
func sinkSTOMPStage() stage {
	return stage{
		title: fmt.Sprintf("log → ActiveMQ with receipts, a queue on disk, %d messages on their way at most, beside bare publishers of go-stomp's frames", stompPending),
		contenders: []contender{
			{name: "sink-stomp", title: "a node catching up", run: sinkSTOMP},
			{name: "sink-stomp-bare", title: "go-stomp, a receipt for each message", peer: true, run: bareSTOMP(1)},
			{name: "sink-stomp-bare-tx", title: fmt.Sprintf("go-stomp, transactions of %d messages with a receipt for each of these, as the node", stompTogether), peer: true, run: bareSTOMP(stompTogether)},
			{name: "sink-stomp-live", title: fmt.Sprintf("published at the node, %d a second, through a queue on disk until a consumer has it, p99", liveRate), run: sinkSTOMPLive},
			{name: "sink-stomp-bare-live", title: "the same with go-stomp, a receipt for each message, p99", peer: true, run: bareSTOMPLive},
		},
		rows: []row{{
			[]string{"sink-stomp", "sink-stomp-bare", "sink-stomp-bare-tx", "sink-stomp-live", "sink-stomp-bare-live"},
			"log → ActiveMQ", "≥ 0.9 × a bare pipelined publisher of go-stomp's frames; added p99 ≤ 5 ms at 500/s",
			func(m func(string) sample) (string, bool) {
				o, each, tx := m("sink-stomp").rate, m("sink-stomp-bare").rate, m("sink-stomp-bare-tx").rate
				added := m("sink-stomp-live").span - m("sink-stomp-bare-live").span
				return fmt.Sprintf("%s/s: %.1f × of %s/s with a receipt for each, %.2f × of %s/s in transactions; added %.1f ms", thousands(o), o/each, thousands(each),
					o/tx, thousands(tx), float64(added)/1e6), o >= 0.9*max(each, tx) && added <= 5*time.Millisecond
			},
		}},
	}
}
