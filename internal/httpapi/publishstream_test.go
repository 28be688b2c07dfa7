package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/federated-messaging/fedmsg"
)

// feeder is an NDJSON publisher on a raw connection.
type feeder struct {
	t    *testing.T
	conn net.Conn
	resp *http.Response
	in   *bufio.Scanner
}

// feed begins an NDJSON request and waits for the head of the answer.
func (e *edge) feed(t *testing.T) *feeder {
	t.Helper()
	f := &feeder{t: t, conn: e.dial("http")}
	io.WriteString(f.conn, "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(f.conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	f.resp, f.in = resp, bufio.NewScanner(resp.Body)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	return f
}

// send sends text as one chunk.
func (f *feeder) send(text string) {
	f.t.Helper()
	if _, err := fmt.Fprintf(f.conn, "%x\r\n%s\r\n", len(text), text); err != nil {
		f.t.Fatal(err)
	}
}

// end ends the body.
func (f *feeder) end() { io.WriteString(f.conn, "0\r\n\r\n") }

// next gives the id of the next receipt or the code of the next error.
func (f *feeder) next() string {
	f.t.Helper()
	if !f.in.Scan() {
		f.t.Fatalf("the answer ended: %v", f.in.Err())
	}
	var line struct {
		ID    string
		Error struct{ Code string }
	}
	if err := json.Unmarshal(f.in.Bytes(), &line); err != nil {
		f.t.Fatalf("%q: %v", f.in.Bytes(), err)
	}
	return line.ID + line.Error.Code
}

// finished checks that the answer ends in order.
func (f *feeder) finished() {
	f.t.Helper()
	if f.in.Scan() {
		f.t.Fatalf("one line more: %q", f.in.Bytes())
	}
	if f.in.Err() != nil {
		f.t.Fatalf("the answer broke off: %v", f.in.Err())
	}
}

// brokeOff checks that the answer ends as a cut connection does: not in order, and not by waiting for ever.
func (f *feeder) brokeOff() {
	f.t.Helper()
	if f.in.Scan() || f.in.Err() == nil || errors.Is(f.in.Err(), os.ErrDeadlineExceeded) {
		f.t.Errorf("the answer did not break off: %q, %v", f.in.Text(), f.in.Err())
	}
}

// TestStreamOrder: each line gets its outcome, in order, with errors between, while the request is still being sent.
func TestStreamOrder(t *testing.T) {
	e := startEdge(t, func(c *Config, _ *Deps) { c.MaxBodyBytes = 300 << 10 })
	f := e.feed(t)
	f.send("a\n")
	if got := f.next(); got != "a" {
		t.Fatalf("got %s", got)
	}
	long := strings.Repeat("y", 301<<10)
	f.send("b\nrefuse\r\n\n\r\nconflict\nagain\n" + long + "\nc\n" + long)
	f.send(long)
	f.send("\nd")
	f.send("ee\nlast")
	f.end()
	for _, want := range []string{"b", "bad_topic", "id_conflict", "again", "too_large", "c", "too_large", "dee", "last"} {
		if got := f.next(); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	f.finished()
}

// TestStreamMany: 20,000 lines in pieces of all sizes come through in order and unchanged.
func TestStreamMany(t *testing.T) {
	e := startEdge(t, nil)
	f := e.feed(t)
	const n = 20000
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, "%d-%s\n", i, strings.Repeat("z", i%97))
	}
	go func() {
		text := all.String()
		for size := 1; text != ""; size = size%70001 + 977 {
			k := min(size, len(text))
			fmt.Fprintf(f.conn, "%x\r\n%s\r\n", k, text[:k])
			text = text[k:]
		}
		f.end()
	}()
	for i := range n {
		if got, want := f.next(), fmt.Sprintf("%d-%s", i, strings.Repeat("z", i%97)); got != want[:min(100, len(want))] {
			t.Fatalf("line %d: got %s", i, got)
		}
	}
	f.finished()
	if got := string(bytes.Join(e.door.lines, []byte("\n"))) + "\n"; got != all.String() {
		t.Error("the door was given other bytes than were sent, or they changed later")
	}
	if e.door.largest > maxBatch || e.door.largest < 100 {
		t.Errorf("the largest batch had %d lines", e.door.largest)
	}
}

// TestStreamNeverReads: the node stops reading from a publisher that does not read its receipts, and cuts it.
func TestStreamNeverReads(t *testing.T) {
	reg := prometheus.NewRegistry()
	e := startEdge(t, func(c *Config, d *Deps) {
		c.WriteTimeout, c.PublishQueue, d.Registerer = 300*time.Millisecond, 4, reg
	})
	c := e.dial("http")
	io.WriteString(c, "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n")
	lines := strings.Repeat("x\n", 32<<10)
	chunk := []byte(fmt.Sprintf("%x\r\n%s\r\n", len(lines), lines))
	var err error
	sent := 0
	for err == nil && sent < 1<<30 {
		var n int
		n, err = c.Write(chunk)
		sent += n
	}
	if err == nil {
		t.Fatal("the node read 1 GB from a publisher that reads nothing")
	}
	e.door.mu.Lock()
	defer e.door.mu.Unlock()
	// What fits into socket buffers in receipts of 110 bytes was answered; beyond it there is only the queue.
	if most := 400000; len(e.door.lines) > most {
		t.Errorf("the node took %d lines", len(e.door.lines))
	}
}

// gaugeOf gives the value of a metric without labels.
func gaugeOf(t *testing.T, g prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return sum(f.GetMetric())
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

func sum(all []*dto.Metric) (total float64) {
	for _, m := range all {
		total += m.GetGauge().GetValue() + m.GetCounter().GetValue()
	}
	return total
}

// TestStreamBackpressure: with tickets that do not resolve, the node takes what the queue holds and no more.
func TestStreamBackpressure(t *testing.T) {
	door := &doorFake{hold: make(chan struct{}), arrived: make(chan struct{})}
	e := startEdge(t, func(c *Config, d *Deps) { c.PublishQueue, d.Door = 2, as(door) })
	f := e.feed(t)
	for i := range 4 { // one held by the writer, two in the queue, one that the reader cannot queue
		f.send(fmt.Sprintf("%d\n", i))
		<-door.arrived
	}
	f.send("4\n")
	select {
	case <-door.arrived:
		t.Fatal("a batch beyond the queue was submitted")
	case <-time.After(50 * time.Millisecond):
	}
	close(door.hold)
	<-door.arrived
	f.end()
	for i := range 5 {
		if got := f.next(); got != fmt.Sprint(i) {
			t.Errorf("got %s, want %d", got, i)
		}
	}
	f.finished()
}

// holdingDoor holds each batch until the channel of its line is closed.
type holdingDoor struct {
	arrived chan struct{}
	holds   map[string]chan struct{}
}

func (d *holdingDoor) Submit(_ context.Context, _ fedmsg.Sender, lines ...[]byte) fedmsg.Ticket {
	d.arrived <- struct{}{}
	id := string(lines[0])
	return &ticketFake{hold: d.holds[id], outcomes: []fedmsg.Outcome{{Receipt: fedmsg.Receipt{ID: id}}}}
}

// TestStreamReceiptsDoNotWait: what is durable is answered while later messages are not durable yet.
func TestStreamReceiptsDoNotWait(t *testing.T) {
	door := &holdingDoor{arrived: make(chan struct{}), holds: map[string]chan struct{}{}}
	for _, id := range []string{"a", "b", "c", "d"} {
		door.holds[id] = make(chan struct{})
	}
	e := startEdge(t, func(_ *Config, d *Deps) { d.Door = as(door) })
	f := e.feed(t)
	for _, id := range []string{"a", "b", "c", "d"} {
		f.send(id + "\n")
		<-door.arrived // now the one before is in the queue
	}
	close(door.holds["b"])
	close(door.holds["a"])
	for _, want := range []string{"a", "b"} {
		if got := f.next(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	close(door.holds["c"])
	close(door.holds["d"])
	f.end()
	f.next()
	f.next()
	f.finished()
}

// TestStreamIdle: a publisher that is silent for too long has an orderly end.
func TestStreamIdle(t *testing.T) {
	e := startEdge(t, func(c *Config, _ *Deps) { c.PublishIdleTimeout = 50 * time.Millisecond })
	f := e.feed(t)
	f.send("a\nhalf a li")
	if got := f.next(); got != "a" {
		t.Errorf("got %s", got)
	}
	f.finished()
	if len(e.door.lines) != 1 {
		t.Errorf("the door was given %q", e.door.lines)
	}
}

// TestStreamLeaves: the messages of a publisher that goes away in the middle of a line are stored, the half line is not.
func TestStreamLeaves(t *testing.T) {
	reg := prometheus.NewRegistry()
	door := &doorFake{arrived: make(chan struct{})}
	e := startEdge(t, func(_ *Config, d *Deps) { d.Door, d.Registerer = as(door), reg })
	f := e.feed(t)
	f.send("a\nb\nhalf")
	<-door.arrived
	f.conn.Close()
	ask(t, e.client("http"), "GET", "http://localhost/readyz", "")
	for deadline := time.Now().Add(5 * time.Second); gaugeOf(t, reg, "fedmsg_http_publish_streams") > 0; {
		if time.Now().After(deadline) {
			t.Fatal("the publisher is still there")
		}
	}
	if got := string(bytes.Join(door.lines, []byte(","))); got != "a,b" {
		t.Errorf("the door was given %q", got)
	}
}

// TestStreamMalformed: when the request breaks off, so does the answer, behind the receipts of what had come.
func TestStreamMalformed(t *testing.T) {
	e := startEdge(t, nil)
	f := e.feed(t)
	f.send("a\nhalf")
	io.WriteString(f.conn, "this is no chunk\r\n")
	if got := f.next(); got != "a" {
		t.Errorf("got %s", got)
	}
	f.brokeOff()
}

// lostDoor does not know what becomes of a message.
type lostDoor struct{}

func (lostDoor) Submit(context.Context, fedmsg.Sender, ...[]byte) fedmsg.Ticket { return lostDoor{} }

func (lostDoor) Wait(context.Context) ([]fedmsg.Outcome, error) {
	return nil, fedmsg.Errorf(fedmsg.CodeTimeout, "the outcome is unknown")
}

// TestStreamLost: when the fate of a message is unknown its line says so, the answer breaks off, and nothing more is read.
func TestStreamLost(t *testing.T) {
	e := startEdge(t, func(_ *Config, d *Deps) { d.Door = as(lostDoor{}) })
	f := e.feed(t)
	f.send("a\n")
	if got := f.next(); got != "timeout" {
		t.Errorf("got %s", got)
	}
	f.brokeOff()
}

// TestStreamHungLog: a log that takes or syncs nothing any more does not keep a publisher waiting for ever.
func TestStreamHungLog(t *testing.T) {
	for want, door := range map[string]*doorFake{
		"timeout": {hold: make(chan struct{})}, "unavailable": {arrived: make(chan struct{})},
	} {
		t.Run(want, func(t *testing.T) {
			e := startEdge(t, func(c *Config, d *Deps) { d.Door, c.AcceptTimeout = as(door), 50*time.Millisecond })
			f := e.feed(t)
			f.send("a\n")
			if got := f.next(); got != want {
				t.Errorf("got %s", got)
			}
			f.brokeOff()
			// Of what the door has decided it tells the operator itself.
			if told := strings.Contains(e.logs.String(), "code="+want); told != (want == "timeout") {
				t.Errorf("the operator is told %v: %s", told, e.logs)
			}
		})
	}
}

// TestStreamEverybodyRefused: a sender is needed before anything is read.
func TestStreamEverybodyRefused(t *testing.T) {
	e := startEdge(t, func(_ *Config, d *Deps) { d.Dev = false })
	status, body, _ := ask(t, e.client("http"), "POST", "http://localhost/v1/messages", "a\n", "Content-Type", "application/x-ndjson")
	if status != 401 || codeIn(t, body) != fedmsg.CodeUnauthenticated {
		t.Errorf("%d %s", status, body)
	}
}

// TestStreamCounts: what became of each message is counted, by outcome.
func TestStreamCounts(t *testing.T) {
	reg := prometheus.NewRegistry()
	e := startEdge(t, func(_ *Config, d *Deps) { d.Registerer = reg })
	ask(t, e.client("http"), "POST", "http://localhost/v1/messages", "a\nb\nagain\nrefuse\n", "Content-Type", "application/x-ndjson")
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() == "fedmsg_http_messages_total" {
			for _, m := range f.GetMetric() {
				got[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	if got["accepted"] != 2 || got["duplicate"] != 1 || got["bad_topic"] != 1 {
		t.Errorf("counted %v", got)
	}
}
