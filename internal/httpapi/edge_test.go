package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/feed"
	"github.com/federated-messaging/fedmsg/internal/tracecontext"
)

const edgeLog fedmsg.LogID = "edgelogabcde"

// doorFake is a door that numbers what comes. A line "refuse" is refused, "conflict" is one, "again" a duplicate.
type doorFake struct {
	hold chan struct{} // when not nil, tickets wait until it is closed

	mu      sync.Mutex
	seq     uint64
	senders []fedmsg.Sender
	lines   [][]byte
	largest int           // lines in one Submit
	traces  []string      // what SubmitTraced was called with
	arrived chan struct{} // when not nil, gets a value for each Submit, which waits for it to be taken
}

type ticketFake struct {
	hold     chan struct{}
	outcomes []fedmsg.Outcome
}

func (d *doorFake) Submit(ctx context.Context, from fedmsg.Sender, lines ...[]byte) fedmsg.Ticket {
	if d.arrived != nil {
		select {
		case d.arrived <- struct{}{}:
		case <-ctx.Done():
			return refused{{Err: fedmsg.Errorf(fedmsg.CodeUnavailable, "the log takes nothing")}}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.largest = max(d.largest, len(lines))
	t := &ticketFake{hold: d.hold, outcomes: make([]fedmsg.Outcome, len(lines))}
	for i, line := range lines {
		d.lines = append(d.lines, bytes.Clone(line)) // it is the server's again
		d.senders = append(d.senders, from)
		t.outcomes[i] = d.judge(string(line))
	}
	return t
}

func (d *doorFake) SubmitTraced(ctx context.Context, from fedmsg.Sender, trace tracecontext.Context, lines ...[]byte) fedmsg.Ticket {
	d.mu.Lock()
	d.traces = append(d.traces, trace.Parent+" "+trace.State)
	d.mu.Unlock()
	return d.Submit(ctx, from, lines...)
}

func (d *doorFake) judge(line string) fedmsg.Outcome {
	switch line {
	case "refuse":
		return fedmsg.Outcome{Err: fedmsg.Errorf(fedmsg.CodeBadTopic, "refused")}
	case "conflict":
		return fedmsg.Outcome{Err: fedmsg.Errorf(fedmsg.CodeIDConflict, "conflict")}
	case "broken":
		return fedmsg.Outcome{Err: fedmsg.WrapError(fedmsg.CodeLogFailed, io.ErrUnexpectedEOF, "the log is broken")}
	}
	d.seq++
	id := line
	if len(id) > 100 {
		id = id[:100]
	}
	return fedmsg.Outcome{Receipt: fedmsg.Receipt{
		ID: id, Seq: d.seq, Position: fedmsg.Position{Log: edgeLog, Seq: d.seq}, Received: time.Unix(1e9, 0).UTC(), Duplicate: line == "again",
	}}
}

func (d *doorFake) lastSender() fedmsg.Sender {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.senders) == 0 {
		return fedmsg.Sender{}
	}
	return d.senders[len(d.senders)-1]
}

func (t *ticketFake) Wait(ctx context.Context) ([]fedmsg.Outcome, error) {
	if t.hold != nil {
		select {
		case <-t.hold:
		case <-ctx.Done():
			return nil, fedmsg.Errorf(fedmsg.CodeTimeout, "the outcome is unknown")
		}
	}
	return t.outcomes, nil
}

// logFake has two entries: id open/1 with topic open.a.b, and secret:1 with topic secret.a.b.
type logFake struct{}

func (logFake) Find(id string) (fedmsg.Entry, bool, error) {
	topic := map[string]string{"open/1": "open.a.b", "secret:1": "secret.a.b"}[id]
	if id == "damaged" {
		return fedmsg.Entry{}, false, fedmsg.WrapError(fedmsg.CodeDamaged, io.ErrUnexpectedEOF, "entry 3 is damaged")
	}
	return fedmsg.Entry{
		ID: id, Topic: topic, Position: fedmsg.Position{Log: edgeLog, Seq: 1}, Received: time.Unix(1e9, 0).UTC(), Envelope: []byte(`{"topic":"` + topic + `"}`),
	}, topic != "", nil
}

func (logFake) Info() LogInfo { return LogInfo{ID: edgeLog, First: 1, Last: 2, Bytes: 99} }

func (logFake) Resolve(p fedmsg.Position) (uint64, *fedmsg.Gap) { return p.Seq, nil }

func (logFake) SeekTime(time.Time) (uint64, error) { return 0, nil }

// edge is a running server.
type edge struct {
	*Server
	t    testing.TB
	door *doorFake
	logs *logBuffer
}

// remoteListener makes every peer look as if it came from another machine.
type remoteListener struct{ net.Listener }

type remoteConn struct{ net.Conn }

func (l remoteListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return remoteConn{c}, err
}

func (remoteConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 7} }

// roamingListener makes every peer look as if it came from the next address.
type roamingListener struct {
	net.Listener
	addresses chan string
}

type roamingConn struct {
	net.Conn
	address string
}

func (l roamingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return roamingConn{c, <-l.addresses}, nil
}

func (c roamingConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(c.address), Port: 7} }

func mustListen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func patterns(texts ...string) []fedmsg.Pattern {
	var all []fedmsg.Pattern
	for _, text := range texts {
		p, err := fedmsg.ParsePattern(text)
		if err != nil {
			panic(err)
		}
		all = append(all, p)
	}
	return all
}

// edgeTokens knows three tokens: one that may read open.#, one that may read secret.#, one that may read nothing.
func edgeTokens(secret string) (string, []fedmsg.Pattern, bool) {
	switch secret {
	case "opener":
		return "open", patterns("open.#"), true
	case "secretive":
		return "secret", patterns("secret.#"), true
	case "writer":
		return "writer", nil, true
	}
	return "", nil, false
}

// edgeConfig listens on a free loopback port only.
func edgeConfig() Config {
	c := DefaultConfig()
	c.Listen = []string{"http://127.0.0.1:0"}
	return c
}

// as gives every endpoint the same door.
func as(d Door) func(fedmsg.VerifyMode, bool) Door {
	return func(fedmsg.VerifyMode, bool) Door { return d }
}

// startEdge runs a server until the test ends.
func startEdge(t testing.TB, change func(*Config, *Deps)) *edge {
	t.Helper()
	e := &edge{t: t, door: &doorFake{}, logs: new(logBuffer)}
	f := feed.New(feed.Config{Log: edgeLog, Open: func(uint64) feed.LogReader { panic("not read") }})
	cfg := edgeConfig()
	deps := Deps{
		Door: as(e.door), Log: logFake{}, Seeker: logFake{}, Feed: f, Tokens: edgeTokens, Dev: true,
		Health:     func() (any, bool) { return map[string]string{"detail": "all of it"}, true },
		Metrics:    http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "fedmsg_up 1\n") }),
		Registerer: prometheus.NewRegistry(),
		Logger:     slog.New(slog.NewTextHandler(e.logs, nil)),
	}
	if change != nil {
		change(&cfg, &deps)
	}
	if d, ok := deps.Door("", false).(*doorFake); ok {
		e.door = d
	}
	s, err := New(cfg, deps)
	if err != nil {
		f.Close()
		t.Fatal(err)
	}
	e.Server = s
	done := make(chan error, 1)
	go func() { done <- s.Run(context.Background()) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		f.Close()
	})
	return e
}

// logBuffer holds what the server logs.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// address gives the HOST:PORT or path of the first listener of the scheme.
func (e *edge) address(scheme string) string {
	e.t.Helper()
	for _, a := range e.Addrs() {
		if rest, ok := strings.CutPrefix(a, scheme+"://"); ok {
			return rest
		}
	}
	e.t.Fatalf("no %s listener in %v", scheme, e.Addrs())
	return ""
}

// dial connects to the first listener of the scheme, http or unix.
func (e *edge) dial(scheme string) net.Conn {
	e.t.Helper()
	network := map[string]string{"unix": "unix"}[scheme]
	if network == "" {
		network = "tcp"
	}
	c, err := net.Dial(network, e.address(scheme))
	if err != nil {
		e.t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(20 * time.Second))
	e.t.Cleanup(func() { c.Close() })
	return c
}

// client gives an HTTP client of the first listener of the scheme; the host of URLs does not matter to it.
func (e *edge) client(scheme string) *http.Client {
	network, address := "tcp", e.address(scheme)
	if scheme == "unix" {
		network = "unix"
	}
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	e.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: 20 * time.Second}
}

// ask sends a request with headers given in pairs and gives status, body and headers of the answer.
func ask(t testing.TB, c *http.Client, method, url, body string, headers ...string) (int, string, http.Header) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return resp.StatusCode, string(b), resp.Header
}

// codeIn gives the code of an error body, or "".
func codeIn(t testing.TB, body string) fedmsg.Code {
	t.Helper()
	var e struct {
		Error struct {
			Code    fedmsg.Code `json:"code"`
			Message string      `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("body %q is not JSON: %v", body, err)
	}
	return e.Error.Code
}

// withSocket adds a unix socket in a directory of the test.
func withSocket(t testing.TB, c *Config) string {
	path := filepath.Join(t.TempDir(), "f.sock")
	c.Socket = "unix://" + path
	return path
}

// nullDoor accepts everything at once and remembers nothing.
type nullDoor struct{}

func (nullDoor) Submit(_ context.Context, _ fedmsg.Sender, lines ...[]byte) fedmsg.Ticket {
	outcomes := make(refused, len(lines))
	for i := range outcomes {
		outcomes[i].Receipt = fedmsg.Receipt{
			ID: "2026-6f1ee7a2-7d2f-4b5c-9a54-111111111111", Seq: 123456, Position: fedmsg.Position{Log: edgeLog, Seq: 123456}, Received: time.Unix(1e9, 123456789).UTC(),
		}
	}
	return outcomes
}
