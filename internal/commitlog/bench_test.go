package commitlog

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// cpuTime is what this process has used of processors.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkBatch100 appends batches of 100 messages of 1 KB, each synced, and in turn writes and syncs the same number of
// bytes to a bare file. It reports the ratio of the two rates: of-bare where the next batch is submitted while the last one
// is synced, as a stream of publishers does, and alone-of-bare where one caller waits for each, and pays for two wake-ups.
func BenchmarkBatch100(b *testing.B) {
	dir := b.TempDir()
	size := 0
	for _, r := range records(10_000_000, 100, 1000) {
		size += recordSize(&r)
	}
	l := openLog(b, filepath.Join(dir, "log"), Options{QueueBytes: 2*size + 200}) // no two batches in one write
	bare, err := os.Create(filepath.Join(dir, "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close() //nolint:errcheck // a benchmark
	const run = 10     // batches in one turn
	var stream, alone, bareTime, cpu time.Duration
	var off int64
	n := 0
	batches := func() (bs [run][]fedmsg.Record) {
		for i := range bs {
			bs[i] = records(n, 100, 1000)
			n += 100
		}
		return bs
	}
	data := make([]byte, size)
	for b.Loop() {
		bs := batches()
		cpu0, start := cpuTime(b), time.Now()
		streamBatches(b, l, bs[:])
		stream += time.Since(start)
		cpu += cpuTime(b) - cpu0

		bs = batches()
		start = time.Now()
		for _, rs := range bs {
			mustSubmit(b, l, rs...)
		}
		alone += time.Since(start)

		start = time.Now()
		for range run {
			if _, err := bare.WriteAt(data, off); err != nil {
				b.Fatal(err)
			}
			if err := syscall.Fdatasync(int(bare.Fd())); err != nil {
				b.Fatal(err)
			}
			off += int64(size)
		}
		bareTime += time.Since(start)
	}
	if s := l.Stats(); s.Syncs*100 != s.Records {
		b.Fatalf("%d records in %d syncs", s.Records, s.Syncs)
	}
	half := float64(n) / 2
	b.ReportMetric(float64(bareTime)/float64(stream), "of-bare")
	b.ReportMetric(float64(bareTime)/float64(alone), "alone-of-bare")
	b.ReportMetric(half/stream.Seconds(), "msg/s")
	b.ReportMetric(half/bareTime.Seconds(), "bare-msg/s")
	b.ReportMetric(float64(cpu.Microseconds())/half, "cpu-µs/msg")
}

// streamBatches submits each batch while the one before it is written, so that each is one write.
func streamBatches(b *testing.B, l *Log, batches [][]fedmsg.Record) {
	var before fedmsg.Ticket
	for _, rs := range batches {
		ticket, err := l.Submit(context.Background(), rs...)
		if err != nil {
			b.Fatal(err)
		}
		if before != nil {
			if _, err := before.Wait(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
		before = ticket
	}
	if _, err := before.Wait(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRead reads a log of 200,000 messages of 1 KB from its beginning.
func BenchmarkRead(b *testing.B) {
	l := openLog(b, b.TempDir(), Options{})
	for i := 0; i < 200_000; i += 2000 {
		mustSubmit(b, l, records(i, 2000, 1000)...)
	}
	n := 0
	for b.Loop() {
		r := l.Reader(0)
		for {
			_, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		_ = r.Close()
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkSubmit64 has 64 goroutines submit one message of 1 KB at a time and wait for it.
func BenchmarkSubmit64(b *testing.B) {
	l := openLog(b, b.TempDir(), Options{})
	const each = 200
	var next atomic.Int64
	n := 0
	cpu0 := cpuTime(b)
	for b.Loop() {
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				for range each {
					t, err := l.Submit(context.Background(), record(int(next.Add(1)), 1000))
					if err != nil {
						b.Error(err)
						return
					}
					if out, err := t.Wait(context.Background()); err != nil || out[0].Err != nil {
						b.Error(err, out)
						return
					}
				}
			})
		}
		wg.Wait()
		n += 64 * each
	}
	s := l.Stats()
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "msg/s")
	b.ReportMetric(float64(s.Records)/float64(s.Syncs), "msg/sync")
	b.ReportMetric(float64((cpuTime(b)-cpu0).Microseconds())/float64(n), "cpu-µs/msg")
}

// BenchmarkSubmitStream has 4 goroutines that keep many submissions of 10 messages of 1 KB underway.
func BenchmarkSubmitStream(b *testing.B) {
	l := openLog(b, b.TempDir(), Options{})
	var next atomic.Int64
	n := 0
	cpu0 := cpuTime(b)
	for b.Loop() {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				var tickets []fedmsg.Ticket
				for range 500 {
					t, err := l.Submit(context.Background(), records(int(next.Add(10)), 10, 1000)...)
					if err != nil {
						b.Error(err)
						return
					}
					tickets = append(tickets, t)
				}
				for _, t := range tickets {
					if _, err := t.Wait(context.Background()); err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
		n += 4 * 500 * 10
	}
	s := l.Stats()
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "msg/s")
	b.ReportMetric(float64(s.Records)/float64(s.Syncs), "msg/sync")
	b.ReportMetric(float64((cpuTime(b)-cpu0).Microseconds())/float64(n), "cpu-µs/msg")
}

// BenchmarkOpen opens a log of 1,000,000 messages of 1 KB (50,000 without FEDMSG_TEST_LONG).
func BenchmarkOpen(b *testing.B) {
	dir, count := b.TempDir(), 50_000
	if long() {
		count = 1_000_000
	}
	l := openLog(b, dir, Options{})
	for i := 0; i < count; i += 5000 {
		mustSubmit(b, l, records(i, 5000, 1000)...)
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		l, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if got := l.Info().Last; got != uint64(count) {
			b.Fatal(got)
		}
		b.StopTimer()
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
