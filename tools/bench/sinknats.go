package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/federated-messaging/fedmsg/internal/wire"
)

const (
	natsMessages = 300_000 // in a round
	natsPending  = 1024    // what the bare client may have unanswered, as the sink
)

// withNATS starts a server with a stream for all topics, in a new directory and with its default of syncing, for one measurement.
func (b *bench) withNATS(ctx context.Context, measure func(*natsServer) (sample, error)) (s sample, err error) {
	port, err := freePort()
	if err != nil {
		return s, err
	}
	b.bridges++
	dir := filepath.Join(b.dir, fmt.Sprintf("nats-%d", b.bridges))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return s, err
	}
	started, err := startServer(dir+".log", nil, b.tool("nats-server"), "-a", "127.0.0.1", "-p", fmt.Sprint(port), "-js", "-sd", dir)
	if err != nil {
		return s, err
	}
	n := &natsServer{server: started, url: fmt.Sprintf("nats://127.0.0.1:%d", port)}
	defer func() { err = errors.Join(err, n.stop(), os.RemoveAll(dir)) }()
	if err := n.connect(ctx, n.url); err != nil {
		return s, err
	}
	stream := jetstream.StreamConfig{Name: "log", Subjects: []string{"org.example.>"}, Storage: jetstream.FileStorage}
	if _, err := n.stream[0].CreateStream(ctx, stream); err != nil {
		return s, err
	}
	return measure(n)
}

func (b *bench) natsCount() int {
	if b.o.quick {
		return natsMessages / 10
	}
	return natsMessages
}

// sinkNATS has a node deliver what is in its log.
func sinkNATS(ctx context.Context, b *bench) (sample, error) {
	return b.withNATS(ctx, func(n *natsServer) (sample, error) {
		return b.sinkRate(ctx, b.natsCount(), fmt.Sprintf("to = \"%s/?jetstream=yes\"", n.url))
	})
}

// bareNATS publishes envelopes of the same size with ids, as fast as the library's asynchronous publisher does.
func bareNATS(ctx context.Context, b *bench) (sample, error) {
	return b.withNATS(ctx, func(n *natsServer) (sample, error) {
		js, err := jetstream.New(n.conns[1], jetstream.WithPublishAsyncMaxPending(natsPending))
		if err != nil {
			return sample{}, err
		}
		count, start := b.natsCount(), time.Now()
		for i := range count {
			if _, err := js.PublishMsgAsync(natsMessage(start, i), jetstream.WithStallWait(time.Minute)); err != nil {
				return sample{}, err
			}
		}
		select {
		case <-js.PublishAsyncComplete():
		case <-ctx.Done():
			return sample{}, ctx.Err()
		}
		took := time.Since(start)
		info, err := js.Stream(ctx, "log")
		if err == nil && info.CachedInfo().State.Msgs != uint64(count) {
			err = fmt.Errorf("the stream has %d of %d messages", info.CachedInfo().State.Msgs, count)
		}
		return sample{rate: float64(count) / took.Seconds()}, err
	})
}

// natsMessage is what a bare publisher sends.
func natsMessage(now time.Time, i int) *nats.Msg {
	id := wire.NewID(now)
	envelope := wire.AppendEnvelope(nil, &wire.Draft{Topic: benchTopic, ID: id, Username: "bench", Time: now.Unix(), I: uint64(i), Body: []byte(body())})
	return &nats.Msg{Subject: benchTopic, Data: envelope, Header: nats.Header{nats.MsgIdHdr: {id}}}
}

// sinkNATSLive publishes to a node.
func sinkNATSLive(ctx context.Context, b *bench) (sample, error) {
	return b.withNATS(ctx, func(n *natsServer) (sample, error) {
		return b.liveThrough(ctx, overNATS, fromNATS(n), fmt.Sprintf("to = \"%s/?jetstream=yes\"", n.url))
	})
}

func fromNATS(n *natsServer) func(*fan) error {
	return func(f *fan) error { return f.listenNATS(n) }
}

// bareNATSLive publishes to the server.
func bareNATSLive(ctx context.Context, b *bench) (sample, error) {
	return b.withNATS(ctx, func(n *natsServer) (sample, error) {
		return b.live(ctx, overNATS, fromNATS(n), func(mark int) error {
			_, err := n.stream[1].PublishAsync(fanTopic, marked(mark))
			return err
		})
	})
}

// sinkNATSStage is a sink to JetStream beside the asynchronous publisher of the same library.
func sinkNATSStage() stage {
	return stage{
		title: fmt.Sprintf("log → NATS JetStream with acknowledgements, %d unanswered at most, beside a bare publisher of nats.go", natsPending),
		contenders: []contender{
			{name: "sink-nats", title: "a node catching up", run: sinkNATS},
			{name: "sink-nats-bare", title: "nats.go, PublishMsgAsync", peer: true, run: bareNATS},
			{name: "sink-nats-live", title: fmt.Sprintf("published at the node, %d a second, until a subscriber has it, p99", liveRate), run: sinkNATSLive},
			{name: "sink-nats-bare-live", title: "the same with nats.go, p99", peer: true, run: bareNATSLive},
		},
		rows: []row{{
			[]string{"sink-nats", "sink-nats-bare", "sink-nats-live", "sink-nats-bare-live"}, "log → JetStream", "≥ 0.9 × a bare pipelined publisher of nats.go; added p99 ≤ 5 ms at 500/s",
			func(m func(string) sample) (string, bool) {
				o, bare := m("sink-nats"), m("sink-nats-bare")
				times, added := o.rate/bare.rate, m("sink-nats-live").span-m("sink-nats-bare-live").span
				return fmt.Sprintf("%s/s of %s/s: %.2f ×; added %.1f ms", thousands(o.rate), thousands(bare.rate), times, float64(added)/1e6), times >= 0.9 && added <= 5*time.Millisecond
			},
		}},
	}
}
