package daemon

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/feed"
	"github.com/federated-messaging/fedmsg/internal/httpapi"
	"github.com/federated-messaging/fedmsg/internal/ingest"
	"github.com/federated-messaging/fedmsg/internal/sign"
	"github.com/federated-messaging/fedmsg/internal/zeromq"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// HeardFile is the file in a state directory that says up to where the publishers of the mesh were heard.
func HeardFile(state string) string { return filepath.Join(state, "heard.json") }

// bus is the node's edge to ZeroMQ, and whether it runs.
type bus struct {
	*zeromq.Server
	last func() fedmsg.Position // of the log
	done chan struct{}          // closed when Run has returned; nil before start
}

// newBus opens the sockets of [zeromq].
func newBus(c *config.Config, entrance *ingest.Door, log *commitlog.Log, live *feed.Feed, counted *numbers, who *authority, r prometheus.Registerer, logger *slog.Logger) (*bus, error) {
	deps := zeromq.Deps{
		Door: func(m fedmsg.VerifyMode, replaying bool) zeromq.Door {
			return entrance.With(ingest.Passage{Verify: m, Replaying: replaying, Sign: true})
		},
		Log: log, Feed: live, Clients: c.ZeroMQClient,
		Curve:      func() (zmtp.CurvePair, error) { return OwnCurve(c.State) },
		Heard:      HeardFile(c.State),
		Name:       who.settings.Name,
		Embeds:     slices.Contains(c.Sign, sign.X509),
		MaxMessage: c.SignedBytes(),
		Registerer: r, Logger: logger,
	}
	if counted != nil {
		deps.Numbers = counted.Book
	}
	server, err := zeromq.New(c.ZeroMQ, deps)
	if err != nil {
		return nil, err
	}
	return &bus{Server: server, last: live.Last}, nil
}

// start begins to serve. The error that ends it early goes to failed, which has room for it.
func (b *bus) start(failed chan<- error) {
	b.done = make(chan struct{})
	go func() {
		defer close(b.done)
		if err := b.Run(context.Background()); err != nil { // ends by Shutdown
			failed <- err
		}
	}()
}

// stop ends it, also where it was never started.
func (b *bus) stop(ctx context.Context) error {
	err := b.Shutdown(ctx)
	if b.done != nil {
		<-b.done
	}
	return err
}

// subscribers lists who subscribes, as the streams over HTTP are listed.
func (b *bus) subscribers() []httpapi.StreamStatus {
	var all []httpapi.StreamStatus
	for _, s := range b.Subscribers() {
		st := httpapi.StreamStatus{
			Protocol: "zeromq", Address: s.Address, Since: s.Since.UTC(), Topics: append([]string{}, s.Prefixes...), Position: s.Position,
			Lag: b.last().Seq - s.Position.Seq, Messages: s.Messages,
		}
		if !s.Sender.IsZero() {
			st.Reader = s.Sender.String()
		}
		all = append(all, st)
	}
	return all
}
