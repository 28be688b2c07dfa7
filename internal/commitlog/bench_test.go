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
// bytes to a bare file. It reports the ratio of the two rates.
func BenchmarkBatch100(b *testing.B) {
	dir := b.TempDir()
	l := openLog(b, filepath.Join(dir, "log"), Options{})
	bare, err := os.Create(filepath.Join(dir, "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close() //nolint:errcheck // a benchmark
	var logTime, bareTime, cpu time.Duration
	var off int64
	n := 0
	for b.Loop() {
		rs := records(n, 100, 1000)
		n += len(rs)
		before := l.Info().Bytes
		cpu0, start := cpuTime(b), time.Now()
		mustSubmit(b, l, rs...)
		logTime += time.Since(start)
		cpu += cpuTime(b) - cpu0
		size := l.Info().Bytes - before
		if size < 100_000 {
			size = 130_000 // the segment was changed
		}
		data := make([]byte, size)
		start = time.Now()
		if _, err := bare.WriteAt(data, off); err != nil {
			b.Fatal(err)
		}
		if err := syscall.Fdatasync(int(bare.Fd())); err != nil {
			b.Fatal(err)
		}
		bareTime += time.Since(start)
		off += size
	}
	b.ReportMetric(float64(bareTime)/float64(logTime), "of-bare")
	b.ReportMetric(float64(n)/logTime.Seconds(), "msg/s")
	b.ReportMetric(float64(n)/bareTime.Seconds(), "bare-msg/s")
	b.ReportMetric(float64(cpu.Microseconds())/float64(n), "cpu-µs/msg")
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
