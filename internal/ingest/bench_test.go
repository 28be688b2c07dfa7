package ingest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// nullLog takes everything at no cost and answers nothing.
type nullLog struct{}

func (nullLog) Submit(context.Context, ...fedmsg.Record) (fedmsg.Ticket, error) { return failed{}, nil }

func (nullLog) Find(string) (fedmsg.Entry, bool, error) { return fedmsg.Entry{}, false, nil }

func (nullLog) Trimmed() (time.Time, bool) { return time.Time{}, false }

// envelopes makes n envelopes of about 1 KB whose ids stand at the same place.
func envelopes(n int) [][]byte {
	lines := make([][]byte, n)
	for i := range lines {
		lines[i] = line1K()
	}
	return lines
}

// renumber gives a line made by line1K another id, without cost.
func renumber(line []byte, n uint64) {
	const at = len(`{"topic":"org.example.dev.bench.message.new","msg_id":"2026-`)
	for i := range 8 {
		line[at+i] = "0123456789abcdef"[n>>(4*i)&15]
	}
}

func BenchmarkSubmit(b *testing.B) {
	submission := fmt.Appendf(nil, `{"topic":"org.example.dev.bench.message.new","msg":%s}`, line1K())
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("envelopes/%d", n), func(b *testing.B) {
			d, lines, id := newDoor(nullLog{}, func(c *Config) { c.Now = time.Now }), envelopes(n), uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				for _, line := range lines {
					id++
					renumber(line, id)
				}
				d.Submit(context.Background(), root, lines...)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/msg")
		})
		b.Run(fmt.Sprintf("submissions/%d", n), func(b *testing.B) {
			d, lines := newDoor(nullLog{}, func(c *Config) { c.Now = time.Now }), make([][]byte, n)
			for i := range lines {
				lines[i] = submission
			}
			b.ReportAllocs()
			for b.Loop() {
				d.Submit(context.Background(), root, lines...)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/msg")
		})
	}
}

// BenchmarkSubmitSigned is what the door adds to the bare verifying and signing, which costs nothing here.
func BenchmarkSubmitSigned(b *testing.B) {
	for _, kind := range []string{"by the node", "by the publisher"} {
		b.Run(kind, func(b *testing.B) {
			d := newDoor(nullLog{}, func(c *Config) { c.Signer = &fakeSigner{} })
			line := fmt.Appendf(nil, `{"topic":"node.bench.message.new","msg":%s}`, line1K())
			if kind == "by the publisher" {
				line = []byte(detached(fmt.Sprintf(`{"topic":"a.b","msg":%s,"msg_id":"x","timestamp":%d}`, line1K(), start.Unix()), "ok:bts"))
			}
			b.ReportAllocs()
			for b.Loop() {
				d.Submit(context.Background(), root, line)
			}
		})
	}
}

// BenchmarkAccept is the whole way into the real log, in batches of 100 of which ten are in flight.
func BenchmarkAccept(b *testing.B) {
	d, lines, id := newDoor(openLog(b), func(c *Config) { c.Now = time.Now }), envelopes(100), uint64(0)
	var flight []fedmsg.Ticket
	b.ReportAllocs()
	for b.Loop() {
		for _, line := range lines {
			id++
			renumber(line, id)
		}
		flight = append(flight, d.Submit(context.Background(), root, lines...))
		if len(flight) == 10 {
			if _, err := flight[0].Wait(context.Background()); err != nil {
				b.Fatal(err)
			}
			flight = flight[1:]
		}
	}
	for _, t := range flight {
		if _, err := t.Wait(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*100), "ns/msg")
}

// BenchmarkSubmitParallel is 32 senders for each processor, one line each, as single requests make it.
func BenchmarkSubmitParallel(b *testing.B) {
	d := newDoor(nullLog{}, func(c *Config) { c.Now = time.Now })
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		line := line1K()
		for id := uint64(0); pb.Next(); id++ {
			renumber(line, id)
			d.Submit(context.Background(), root, line)
		}
	})
}
