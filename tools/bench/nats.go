package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// natsServer is NATS with JetStream on files, which syncs before it acknowledges.
type natsServer struct {
	*server
	url    string
	conns  []*nats.Conn
	stream []jetstream.JetStream // one for each connection
}

// natsConnections is over how many connections the callers are spread, so that no client-side lock is what is measured.
const natsConnections = 8

func (b *bench) theNATS(ctx context.Context) (*natsServer, error) {
	if b.nats != nil {
		return b.nats, nil
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.dir, "nats")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	config := filepath.Join(b.dir, "nats.conf")
	text := fmt.Sprintf("listen: \"127.0.0.1:%d\"\njetstream { store_dir: %q, sync_interval: always }\n", port, dir)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	s, err := startServer(filepath.Join(b.dir, "nats.log"), nil, b.tool("nats-server"), "-c", config)
	if err != nil {
		return nil, err
	}
	n := &natsServer{server: s, url: fmt.Sprintf("nats://127.0.0.1:%d", port)}
	b.nats = n
	return n, n.connect(ctx, n.url)
}

func (n *natsServer) connect(ctx context.Context, url string) error {
	for range natsConnections {
		err := n.await(ctx, 20*time.Millisecond, func() error {
			c, err := nats.Connect(url)
			if err != nil {
				return err
			}
			js, err := jetstream.New(c)
			if err != nil {
				c.Close()
				return err
			}
			n.conns, n.stream = append(n.conns, c), append(n.stream, js)
			return nil
		})
		if err != nil {
			return err
		}
	}
	_, err := n.stream[0].CreateStream(ctx, jetstream.StreamConfig{Name: "bench", Subjects: []string{"bench.>"}, Storage: jetstream.FileStorage})
	return err
}

func (n *natsServer) stop() error {
	for _, c := range n.conns {
		c.Close()
	}
	return n.server.stop()
}

// publishNATS has the callers publish, each waiting for the acknowledgement of each message.
func publishNATS(ctx context.Context, b *bench) (sample, error) {
	n, err := b.theNATS(ctx)
	if err != nil {
		return sample{}, err
	}
	data := payload()
	return b.timed(ctx, n.server, callers, func(i int) (func() error, func(), error) {
		js := n.stream[i%len(n.stream)]
		return func() error {
			_, err := js.Publish(ctx, "bench.thing", data)
			return err
		}, func() {}, nil
	})
}
