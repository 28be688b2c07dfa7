package zeromq

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/zmtp"
)

// BenchmarkSubmission has 64 submitters ask one after the other each, on disk, and a subscriber hear all: msg/s, and the time
// from a request to the subscriber.
func BenchmarkSubmission(b *testing.B) {
	const submitters = 64
	n, _ := startSubmitting(b, func(*Config, *Deps) {})
	sub := dialSub(b, n.addr(0), zmtp.Options{}, "")
	n.subscriptions(0, 1)
	sent := make([]time.Time, b.N)
	body := []byte(`{"pad":"` + strings.Repeat("x", 1000) + `"}`)
	var wg sync.WaitGroup
	var mu sync.Mutex
	next := 0
	take := func() int {
		mu.Lock()
		defer mu.Unlock()
		if next == b.N {
			return -1
		}
		sent[next] = time.Now()
		next++
		return next - 1
	}
	b.ResetTimer()
	for range submitters {
		wg.Go(func() {
			c, err := zmtp.Dial(context.Background(), n.addr(1), zmtp.REQ, zmtp.Options{})
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			in := make([]zmtp.Incoming, 0, 1)
			for i := take(); i >= 0 && err == nil; i = take() {
				topic := fmt.Appendf(nil, "org.example.dev.bench.n%d", i)
				if err = c.Write(zmtp.AppendMessage(nil, nil, []byte("FSUBMIT1"), topic, nil, body)); err == nil {
					in, err = c.Receive(in[:0])
				}
			}
			if err != nil {
				b.Error(err)
			}
		})
	}
	took := make([]time.Duration, 0, b.N)
	batch := make([]zmtp.Incoming, 0, 256)
	for len(took) < b.N {
		var err error
		if batch, err = sub.Receive(batch[:0]); err != nil {
			b.Fatal(err)
		}
		now := time.Now()
		for i := range batch {
			var k int
			if _, err := fmt.Sscanf(string(batch[i].Message[0]), "org.example.dev.bench.n%d", &k); err != nil {
				b.Fatal(err)
			}
			mu.Lock()
			took = append(took, now.Sub(sent[k]))
			mu.Unlock()
		}
	}
	wg.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
}

// BenchmarkPublish has subscribers hear what is in the feed's memory.
func BenchmarkPublish(b *testing.B) {
	for _, subscribers := range []int{1, 50} {
		b.Run(fmt.Sprint(subscribers), func(b *testing.B) {
			n := startNode(b, 64<<20, func(c *Config, _ *Deps) { c.Publish = []string{"tcp://127.0.0.1:0"} })
			e := entry("org.example.dev.bench.made", 1)
			e.Envelope, _ = json.Marshal(map[string]string{"pad": strings.Repeat("x", 1000)})
			var wg sync.WaitGroup
			for range subscribers {
				c := dialSub(b, n.addr(0), zmtp.Options{}, "")
				wg.Go(func() {
					batch := make([]zmtp.Incoming, 0, 256)
					for got := 0; got < b.N; got += len(batch) {
						var err error
						if batch, err = c.Receive(batch[:0]); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			n.subscriptions(0, subscribers)
			b.ResetTimer()
			for range b.N {
				n.publish(e)
			}
			wg.Wait()
			b.ReportMetric(float64(b.N*subscribers)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}
