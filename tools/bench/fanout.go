package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// fanRate is how many messages a second are published to all protocols at once.
const fanRate = 200

// fanTopic is where they go; each has its number in its body.
const fanTopic = "org.example.dev.bench.fan.out"

// fanOutcome is what one round of it measured.
type fanOutcome struct {
	all    time.Duration // p99 of the time from sending the request until the last of the readers has the message
	answer time.Duration // p50 of the time until the publisher has its answer
}

// fan is five readers, each of another protocol, and what they have seen.
type fan struct {
	count int
	work  sync.WaitGroup
	close []func()

	mu    sync.Mutex
	seen  [5][]time.Time // guarded by mu; by reader and number
	left  int            // guarded by mu; of what is still to be seen
	ended chan struct{}  // closed when left is 0
}

// see notes the messages that stand in what a reader has read, and gives what may be the beginning of another.
func (f *fan) see(reader int, data []byte) (rest []byte) {
	now := time.Now()
	mark := []byte(`"mark":`)
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		at := bytes.Index(data, mark)
		if at < 0 {
			return data[max(0, len(data)-len(mark)):]
		}
		digits := data[at+len(mark):]
		end := bytes.IndexAny(digits, ",}")
		if end < 0 {
			return data[at:]
		}
		n, err := strconv.Atoi(string(digits[:end]))
		if err == nil && n >= 0 && n < f.count && f.seen[reader][n].IsZero() {
			f.seen[reader][n] = now
			if f.left--; f.left == 0 {
				close(f.ended)
			}
		}
		data = digits[end:]
	}
}

// readConn has a reader read a connection to its end.
func (f *fan) readConn(reader int, conn net.Conn) {
	f.close = append(f.close, func() { conn.Close() })
	f.work.Go(func() {
		buf := make([]byte, 1<<20)
		have := 0
		for {
			n, err := conn.Read(buf[have:])
			if err != nil {
				return // it is closed, or too few are counted
			}
			have = copy(buf, f.see(reader, buf[:have+n]))
		}
	})
}

func (f *fan) stop() {
	for _, c := range slices.Backward(f.close) {
		c()
	}
	f.work.Wait()
}

// fanServers are what the messages go to.
type fanServers struct {
	rabbit *fedmsgtest.RabbitMQ
	active *fedmsgtest.ActiveMQ
	nats   *natsServer
	second *bridged
}

// startFanServers starts the brokers and the second node.
func (b *bench) startFanServers(ctx context.Context) (s *fanServers, stop func() error, err error) {
	s = &fanServers{}
	var stops []func() error
	stop = func() (err error) {
		for _, f := range slices.Backward(stops) {
			err = errors.Join(err, f())
		}
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	dir := filepath.Join(b.dir, fmt.Sprintf("fan-%d", b.bridges))
	if s.rabbit, err = fedmsgtest.NewRabbitMQ(dir+"-rabbit", fedmsgtest.RabbitMQOptions{}); err != nil {
		return nil, nil, err
	}
	stops = append(stops, s.rabbit.Remove)
	if s.active, err = fedmsgtest.NewActiveMQ(dir+"-active", fedmsgtest.ActiveMQOptions{Measured: true}); err != nil {
		return nil, nil, err
	}
	stops = append(stops, s.active.Remove)
	if err = errors.Join(s.rabbit.Start(), s.active.Start()); err != nil {
		return nil, nil, err
	}
	if s.nats, err = b.theNATS(ctx); err != nil { // which ends with the stage
		return nil, nil, err
	}
	if s.second, err = b.startBridged(ctx, "second", dir+"-second", ""); err != nil {
		return nil, nil, err
	}
	stops = append(stops, s.second.stop)
	return s, stop, nil
}

// sinks is the configuration of the node whose messages go everywhere.
func (s *fanServers) sinks(b *bench) (string, error) {
	secret, err := b.secretFile("fan.secret", "guest:guest")
	if err != nil {
		return "", err
	}
	sink := func(name, to, more string) string {
		return fmt.Sprintf("[[sink]]\nname = %q\nto = %q\ntopics = [\"#\"]\n%s\n", name, to, more)
	}
	return sink("amqp", "amqp://"+s.rabbit.Addr+"/?exchange=amq.topic", fmt.Sprintf("credentials = %q", secret)) +
		sink("stomp", "stomp://"+s.active.STOMP+"/?destination=/topic/{topic}", "") +
		sink("nats", s.nats.url+"/?jetstream=yes", "") +
		sink("node", "unix://"+s.second.socket, ""), nil
}

// listen starts the five readers.
func (s *fanServers) listen(ctx context.Context, n *bridged, count int) (*fan, error) {
	f := &fan{count: count, left: 5 * count, ended: make(chan struct{})}
	for i := range f.seen {
		f.seen[i] = make([]time.Time, count)
	}
	err := errors.Join(f.listenZeroMQ(n.publish), f.listenAMQP(s.rabbit.Addr), f.listenSTOMP(s.active.STOMP, "/topic/"+fanTopic), f.listenNATS(s.nats), f.listenHTTP(s.second))
	if err != nil {
		f.stop()
	}
	return f, err
}

func (f *fan) listenZeroMQ(uri string) error {
	sub := zmtp.NewSub(zmtp.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	f.close = append(f.close, func() { cancel(); sub.Close() })
	if err := errors.Join(sub.Subscribe(""), sub.Connect(uri)); err != nil {
		return err
	}
	f.work.Go(func() {
		for {
			m, err := sub.Receive(ctx)
			if err != nil {
				return
			}
			f.see(overZeroMQ, m[2])
		}
	})
	return nil
}

func (f *fan) listenAMQP(addr string) error {
	conn, err := amqp.Dial("amqp://guest:guest@" + addr + "/")
	if err != nil {
		return err
	}
	f.close = append(f.close, func() { conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	q, err := ch.QueueDeclare("", false, true, true, false, nil)
	if err != nil {
		return err
	}
	if err := ch.QueueBind(q.Name, "#", "amq.topic", false, nil); err != nil {
		return err
	}
	messages, err := ch.Consume(q.Name, "", true, true, false, false, nil)
	if err != nil {
		return err
	}
	f.work.Go(func() {
		for m := range messages {
			f.see(overAMQP, m.Body)
		}
	})
	return nil
}

// listenSTOMP subscribes by hand: three frames are all that it takes.
func (f *fan) listenSTOMP(addr, destination string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(conn, "CONNECT\naccept-version:1.2\nhost:localhost\n\n\x00SUBSCRIBE\nid:0\ndestination:%s\nack:auto\nreceipt:up\n\n\x00", destination)
	buf := make([]byte, 64<<10)
	for have := 0; !bytes.Contains(buf[:have], []byte("receipt-id:up")); {
		n, err := conn.Read(buf[have:])
		if err != nil {
			return fmt.Errorf("the subscription over STOMP was answered with %q: %w", buf[:have], err)
		}
		have += n
	}
	f.readConn(overSTOMP, conn)
	return nil
}

func (f *fan) listenNATS(s *natsServer) error {
	c := s.conns[0]
	sub, err := c.SubscribeSync(fanTopic)
	if err != nil {
		return err
	}
	f.close = append(f.close, func() { _ = sub.Unsubscribe() })
	f.work.Go(func() {
		for {
			m, err := sub.NextMsgWithContext(context.Background())
			if err != nil {
				return
			}
			f.see(overNATS, m.Data)
		}
	})
	return c.Flush()
}

func (f *fan) listenHTTP(n *bridged) error {
	conn, err := openSSE(n.node, make([]byte, 4096))
	if err == nil {
		f.readConn(overHTTP, conn)
	}
	return err
}

// fanOut publishes at an even pace to a node, alone or with readers of five protocols behind it, and measures both.
func (b *bench) fanOut(ctx context.Context, alone bool) (out fanOutcome, err error) {
	count := int(2 * b.o.span.Seconds() * fanRate)
	state := filepath.Join(b.dir, fmt.Sprintf("fan-state-%d", b.bridges))
	lines, f := "", (*fan)(nil)
	var servers *fanServers
	if !alone {
		var stop func() error
		if servers, stop, err = b.startFanServers(ctx); err != nil {
			return out, err
		}
		defer func() { err = errors.Join(err, stop()) }()
		if lines, err = servers.sinks(b); err != nil {
			return out, err
		}
		stream := jetstream.StreamConfig{Name: "fan", Subjects: []string{"org.example.>"}, Storage: jetstream.FileStorage}
		if _, err := servers.nats.stream[0].CreateOrUpdateStream(ctx, stream); err != nil {
			return out, err
		}
	}
	n, err := b.startBridged(ctx, "fan", state, lines)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	if !alone {
		if f, err = servers.listen(ctx, n, count); err != nil {
			return out, err
		}
		defer f.stop()
	}
	conn, err := net.Dial("unix", n.socket)
	if err != nil {
		return out, err
	}
	defer conn.Close()
	sent, answers, err := paced(ctx, fanRate, count, postMarked(conn))
	if err != nil {
		return out, err
	}
	out.answer = quantile(answers, 0.5)
	if alone {
		return out, nil
	}
	out.all, err = f.slowest(sent)
	return out, err
}

// slowest waits for the readers, and gives the p99 of the time until the last of the five had a message.
func (f *fan) slowest(sent []time.Time) (time.Duration, error) {
	if err := f.wait(); err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]time.Duration, f.count)
	for n := range all {
		for _, seen := range f.seen {
			all[n] = max(all[n], seen[n].Sub(sent[n]))
		}
	}
	return quantile(all, 0.99), nil
}

// quantile gives the value below which that share of all lies.
func quantile(all []time.Duration, share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

// fanStage is one publish to five protocols.
func fanStage() stage {
	var last fanOutcome // of the round that has just run
	return stage{
		title: fmt.Sprintf("one publish, %d a second, to readers of ZeroMQ, AMQP (RabbitMQ), STOMP (ActiveMQ), NATS (JetStream) and a second node", fanRate),
		contenders: []contender{
			{name: "fan-alone", title: "the publisher's answer, p50, without sinks and readers", run: func(ctx context.Context, b *bench) (sample, error) {
				out, err := b.fanOut(ctx, true)
				return sample{span: out.answer}, err
			}},
			{name: "fan-out", title: "until the last of the five readers has it, p99", run: func(ctx context.Context, b *bench) (s sample, err error) {
				last, err = b.fanOut(ctx, false)
				return sample{span: last.all}, err
			}},
			{name: "fan-answer", title: "the publisher's answer in the same round, p50", run: func(context.Context, *bench) (sample, error) {
				return sample{span: last.answer}, nil
			}},
		},
		rows: []row{{
			[]string{"fan-alone", "fan-out", "fan-answer"}, "one publish to five protocols, 200/s", "all five within 50 ms p99; the publisher's answer not slower (p50 ≤ 1.1 ×) than with none",
			func(m func(string) sample) (string, bool) {
				all, with, without := m("fan-out").span, m("fan-answer").span, m("fan-alone").span
				times := float64(with) / float64(without)
				return fmt.Sprintf("%.1f ms; answer %.2f ms of %.2f ms: %.2f ×", float64(all)/1e6, float64(with)/1e6, float64(without)/1e6, times), all <= 50*time.Millisecond && times <= 1.1
			},
		}},
	}
}
