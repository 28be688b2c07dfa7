package receive

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/ingest"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// pouring is a source that brings n messages of 1 KB, in so many at once, and ends when all are settled.
type pouring struct {
	n, batch int
	done     chan struct{}
}

func (p *pouring) Run(ctx context.Context, in *Intake) error {
	in.Connected()
	var wg sync.WaitGroup
	settled := func() { wg.Done() }
	pad := strings.Repeat("x", 850)
	for sent := 0; sent < p.n; {
		items := make([]Item, 0, p.batch)
		for ; len(items) < p.batch && sent < p.n; sent++ {
			n := strconv.Itoa(sent)
			envelope := []byte(`{"i":` + n + `,"msg":{"k":"` + pad + `"},"msg_id":"2026-` + n + `","timestamp":1795229086,"topic":"org.example.dev.wiki.page.edit","username":"amara"}`)
			items = append(items, Item{Message: wire.Carried{Envelope: envelope, Topic: "org.example.dev.wiki.page.edit"}, Settled: settled})
		}
		wg.Add(len(items))
		if err := in.Submit(ctx, items...); err != nil {
			return err
		}
	}
	wg.Wait()
	close(p.done)
	<-ctx.Done()
	return ctx.Err()
}

// BenchmarkIntake is the way of 1-KB messages from a source through the real door into the real log, with verification off.
func BenchmarkIntake(b *testing.B) {
	for _, batch := range []int{1, 100} {
		b.Run(strconv.Itoa(batch), func(b *testing.B) {
			log, err := commitlog.Open(filepath.Join(b.TempDir(), "log"), commitlog.Options{Same: ingest.Same})
			if err != nil {
				b.Fatal(err)
			}
			defer log.Close()
			all := []fedmsg.Pattern{fedmsg.MatchAll()}
			door := ingest.New(ingest.Config{Log: log, Sources: func(string) []fedmsg.Pattern { return all }})
			p := &pouring{n: b.N, batch: batch, done: make(chan struct{})}
			s, err := New([]Configured{{Config: Config{Name: "umb", From: "amqp://x/", Topics: all}, Source: p, InFlight: 8192}}, Deps{
				Dir: b.TempDir(), Door: func(*Config) Door {
					return door.With(ingest.Passage{Verify: fedmsg.VerifyInsecureOff, Replaying: true})
				},
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			s.Start()
			<-p.done
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
			if err := s.Stop(context.Background()); err != nil {
				b.Fatal(err)
			}
			if last := log.Info().Last; last != uint64(b.N) {
				b.Fatalf("the log has %d of %d", last, b.N)
			}
		})
	}
}
