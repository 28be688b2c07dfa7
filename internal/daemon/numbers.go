package daemon

import (
	"context"
	"log/slog"
	"path/filepath"

	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/seqid"
)

// NumbersFile is the file in a state directory that says up to where messages are numbered for old replay clients.
func NumbersFile(state string) string { return filepath.Join(state, "seq_id.json") }

// numbers is what the node counts its messages by for old replay clients. The nil one counts nothing.
type numbers struct{ *seqid.Book }

// openNumbers finds out which numbers were given, where zeromq.seq_id asks for numbers.
func openNumbers(c *config.Config, log *commitlog.Log, logger *slog.Logger) (*numbers, error) {
	if c.ZeroMQ.SeqID == "" {
		return nil, nil
	}
	b, err := seqid.Open(seqid.Config{
		Path: NumbersFile(c.State),
		Log: seqid.Log{
			ID:     log.Info().ID,
			Bounds: func() (first, last uint64) { i := log.Info(); return i.First, i.Last },
			Open:   func(after uint64) seqid.Reader { return log.Reader(after) },
		},
		Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	return &numbers{b}, nil
}

// next is the number of the first message that this node makes; 0 numbers nothing.
func (n *numbers) next() uint64 {
	if n == nil {
		return 0
	}
	return n.Next()
}

// start begins to write the file now and then, until it is stopped.
func (n *numbers) start(stops *stopList) {
	if n == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	stops.push("numbers", func(context.Context) error {
		cancel()
		return <-done
	})
}
