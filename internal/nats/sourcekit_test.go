package nats

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// door takes messages into memory. Any goroutine may use it.
type door struct {
	mu    sync.Mutex
	took  []wire.Carried
	shut  chan struct{} // while it is not nil, what was taken is not yet on disk
	lines strings.Builder
}

// Write takes what is logged.
func (d *door) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lines.Write(p)
}

func (d *door) said(text string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Contains(d.lines.String(), text)
}

// hold has nothing come onto disk until the function that it gives is called.
func (d *door) hold() (release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := make(chan struct{})
	d.shut = c
	return func() {
		d.mu.Lock()
		d.shut = nil
		d.mu.Unlock()
		close(c)
	}
}

func (d *door) SubmitCarried(_ context.Context, _ fedmsg.Sender, messages ...wire.Carried) fedmsg.Ticket {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range messages {
		m.Body, m.Envelope, m.Headers = slices.Clone(m.Body), slices.Clone(m.Envelope), slices.Clone(m.Headers)
		d.took = append(d.took, m)
	}
	return ticket{d.shut, len(messages)}
}

func (d *door) all() []wire.Carried {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.took)
}

// bodies gives the bodies, each where it came first.
func (d *door) bodies() []string {
	seen := map[string]bool{}
	var all []string
	for _, m := range d.all() {
		if !seen[string(m.Body)] {
			seen[string(m.Body)] = true
			all = append(all, string(m.Body))
		}
	}
	return all
}

type ticket struct {
	shut chan struct{}
	n    int
}

func (t ticket) Wait(ctx context.Context) ([]fedmsg.Outcome, error) {
	if t.shut != nil {
		select {
		case <-t.shut:
		case <-ctx.Done():
			return nil, fedmsg.WrapError(fedmsg.CodeTimeout, ctx.Err(), "gave up")
		}
	}
	return make([]fedmsg.Outcome, t.n), nil
}

// bring starts a source with the address, and gives what ends it.
func bring(t *testing.T, d *door, c receive.Config) (set *receive.Set, stop func()) {
	t.Helper()
	c.Name, c.Topics = "it", []fedmsg.Pattern{fedmsg.MatchAll()}
	c.RetryFirst, c.RetryMax = 5*time.Millisecond, 50*time.Millisecond
	source, err := NewSource(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err = receive.New([]receive.Configured{{Config: c, Source: source, InFlight: SourceInFlight}}, receive.Deps{
		Door: func(*receive.Config) receive.Door { return d }, Dir: t.TempDir(),
		Logger: slog.New(slog.NewTextHandler(io.Writer(d), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	set.Start()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := set.Stop(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	return set, stop
}

// connected waits until the source receives.
func connected(t *testing.T, set *receive.Set) {
	t.Helper()
	await(t, "the source to connect", func() bool { return set.List()[0].Connected })
}
