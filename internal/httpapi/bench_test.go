package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// BenchmarkPublishOne sends plain requests over 16 connections of the unix socket. CPU time is that of both ends; the
// client is as small as it can be.
func BenchmarkPublishOne(b *testing.B) {
	e := startEdge(b, func(c *Config, d *Deps) {
		withSocket(b, c)
		c.Listen, d.Logger, d.Door = nil, slog.New(slog.DiscardHandler), as(nullDoor{})
	})
	body := `{"topic":"org.example.dev.bench.message.sent","msg":{"text":"` + strings.Repeat("x", 900) + `"}}`
	request := []byte(fmt.Sprintf("POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	const callers = 16
	b.ReportAllocs()
	begin := cpu()
	b.ResetTimer()
	var all sync.WaitGroup
	for i := range callers {
		c := e.dial("unix")
		all.Go(func() {
			buf := make([]byte, 4096)
			for range b.N/callers + min(1, max(0, b.N%callers-i)) {
				if _, err := c.Write(request); err != nil {
					b.Error(err)
					return
				}
				if n, err := c.Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 201") {
					b.Errorf("%s %v", buf[:n], err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(cpu()-begin)/1e3/float64(b.N), "cpu-µs/op")
}

// BenchmarkPublishStream sends 1 KB lines in one NDJSON request; a second goroutine counts the receipts.
func BenchmarkPublishStream(b *testing.B) {
	e := startEdge(b, func(c *Config, d *Deps) {
		withSocket(b, c)
		c.Listen, d.Logger, d.Door = nil, slog.New(slog.DiscardHandler), as(nullDoor{})
	})
	c := e.dial("unix")
	io.WriteString(c, "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReaderSize(c, 256<<10), nil)
	if err != nil {
		b.Fatal(err)
	}
	line := `{"topic":"org.example.dev.bench.message.sent","msg":{"text":"` + strings.Repeat("x", 950) + "\"}}\n"
	const group = 64
	lines := strings.Repeat(line, group)
	chunk := []byte(fmt.Sprintf("%x\r\n%s\r\n", len(lines), lines))
	b.ReportAllocs()
	begin := cpu()
	b.ResetTimer()
	var reader sync.WaitGroup
	rounds := b.N/group + 1
	reader.Go(func() { countLines(b, resp.Body, rounds*group) })
	for range rounds {
		if _, err := c.Write(chunk); err != nil {
			b.Fatal(err)
		}
	}
	reader.Wait()
	b.StopTimer()
	b.ReportMetric(float64(cpu()-begin)/1e3/float64(b.N), "cpu-µs/op")
}

// countLines reads until n lines have come.
func countLines(b *testing.B, r io.Reader, n int) {
	buf := make([]byte, 256<<10)
	for n > 0 {
		k, err := r.Read(buf)
		if err != nil {
			b.Error(err)
			return
		}
		n -= strings.Count(string(buf[:k]), "\n")
	}
}

// BenchmarkLines is the work on each line alone: cutting and appending the receipt.
func BenchmarkLines(b *testing.B) {
	s := &Server{metrics: newMetrics(nil, nil, nil)}
	p := &publishStream{server: s}
	text := strings.Repeat(strings.Repeat("x", 1023)+"\n", 250)
	o := fedmsg.Outcome{Receipt: fedmsg.Receipt{ID: "2026-6f1ee7a2-7d2f-4b5c-9a54-111111111111", Seq: 123456, Position: fedmsg.Position{Log: edgeLog, Seq: 123456}}}
	b.ReportAllocs()
	var buf []byte
	for n := 0; n < b.N; n += 250 {
		l := lineReader{r: strings.NewReader(text), max: 4 << 20, buf: make([]byte, 0, 256<<10)}
		batch, _ := l.next()
		buf = buf[:0]
		for range batch {
			buf = p.appendOutcome(buf, &o)
		}
	}
}

// cpu gives the CPU time of this process in nanoseconds.
func cpu() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
