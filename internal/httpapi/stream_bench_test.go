package httpapi

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// dialRaw opens a stream and reads its head and first event, without a client library that would cost memory itself.
func (n *streamNode) dialRaw(t testing.TB, query, accept string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET /v1/stream?%s HTTP/1.1\r\nHost: localhost\r\nAccept: %s\r\n\r\n", query, accept)
	return conn
}

// readUntil reads from conn until marks have been seen so many times; b is its buffer.
func readUntil(conn net.Conn, b []byte, mark string, count int) error {
	kept := 0
	for count > 0 {
		n, err := conn.Read(b[kept:])
		if err != nil {
			return err
		}
		part := b[:kept+n]
		count -= bytes.Count(part, []byte(mark))
		kept = copy(b, part[max(0, len(part)-len(mark)+1):])
	}
	return nil
}

// TestIdleReaderMemory bounds what a reader costs who waits: both ends of its connection are in this process.
func TestIdleReaderMemory(t *testing.T) {
	const readers = 1000
	n := startStreams(t, DefaultStreamConfig(), nil, 0)
	memory := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	conns := make([]net.Conn, readers)
	b := make([]byte, 4096)
	open := func() {
		for i := range conns {
			conns[i] = n.dialRaw(t, "", "text/event-stream")
			if err := readUntil(conns[i], b, "event: heartbeat", 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := memory()
	goroutines := runtime.NumGoroutine()
	open()
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	n.publish("a") // wakes all of them once
	for _, c := range conns {
		if err := readUntil(c, b, "event: message", 1); err != nil {
			t.Fatal(err)
		}
	}
	per := (int64(memory()) - int64(before)) / readers
	t.Logf("%d bytes per idle reader, the client's end of the connection included", per)
	if per > 16<<10 {
		t.Errorf("an idle reader costs %d bytes", per)
	}
	if g := runtime.NumGoroutine() - goroutines; g > readers+10 {
		t.Errorf("%d goroutines for %d readers", g, readers)
	}
}

// BenchmarkCatchUp reads entries of 1 KB over NDJSON, the reader included.
func BenchmarkCatchUp(b *testing.B) {
	for _, topic := range []string{"wanted", "unwanted"} {
		b.Run(topic, func(b *testing.B) {
			const entries = 50000
			n := startStreams(b, DefaultStreamConfig(), nil, 1)
			body := []byte(`{"msg":{"pad":"` + strings.Repeat("x", 1000) + `"}}`)
			n.feed.Publish(n.log.grow(body, slices.Repeat([]string{"org.example.prod.service.object.event"}, entries)...))
			query := "after=0"
			if topic == "unwanted" {
				query += "&topic=org.example.prod.service.other.%23"
			}
			buf := make([]byte, 256<<10)
			b.ResetTimer()
			for range b.N {
				b.SetBytes(entries * 1000)
				c := n.dialRaw(b, query, ndjsonType)
				mark := fmt.Sprintf("%s-%d", streamLogID, entries)
				if err := readUntil(c, buf, mark, 1); err != nil {
					b.Fatal(err)
				}
				_ = c.Close()
			}
			b.ReportMetric(float64(entries)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkFanOut publishes to 1,000 live readers, the readers included.
func BenchmarkFanOut(b *testing.B) {
	for _, batch := range []int{1, 10} { // entries between two chances for the readers to run
		b.Run(fmt.Sprint(batch), func(b *testing.B) { benchFanOut(b, 1000, batch) })
	}
}

func benchFanOut(b *testing.B, readers, batch int) {
	n := startStreams(b, DefaultStreamConfig(), nil, 0)
	body := []byte(`{"msg":{"pad":"` + strings.Repeat("x", 1000) + `"}}`)
	var wg sync.WaitGroup
	conns := make([]net.Conn, readers)
	for i := range conns {
		conns[i] = n.dialRaw(b, "", "text/event-stream")
		head := make([]byte, 4096)
		if err := readUntil(conns[i], head, "event: heartbeat", 1); err != nil {
			b.Fatal(err)
		}
	}
	total := b.N * batch
	for _, c := range conns {
		wg.Go(func() {
			defer c.Close()
			if err := readUntil(c, make([]byte, 16<<10), "event: message", total); err != nil && err != io.EOF {
				b.Error(err)
			}
		})
	}
	b.ResetTimer()
	topics := slices.Repeat([]string{"org.example.prod.service.object.event"}, batch)
	for range b.N {
		for range batch {
			n.feed.Publish(n.log.grow(body, topics[:1]...))
		}
		runtime.Gosched()
	}
	wg.Wait()
	b.ReportMetric(float64(total)*float64(readers)/b.Elapsed().Seconds(), "deliveries/s")
}
