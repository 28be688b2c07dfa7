package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/spool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// buffer is a log that a test may read while the node writes.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// setup is a configuration whose files are all in one directory.
func setup(t testing.TB) config.Config {
	t.Helper()
	dir := shortDir(t)
	c := config.Default(config.System{Getenv: func(string) string { return "" }, UID: 1000, Exists: func(string) bool { return false }})
	c.State = filepath.Join(dir, "state")
	c.Signing.Topics = []fedmsg.Pattern{fedmsg.MatchAll()} // tests publish what they like
	c.HTTP.Listen = []string{"http://127.0.0.1:0"}
	c.ZeroMQ.Publish = []string{"tcp://127.0.0.1:0"}
	c.HTTP.Socket = "unix://" + filepath.Join(dir, "s")
	c.ZeroMQ.Submit = []string{"ipc://" + filepath.Join(dir, "q")}
	c.Spool.Directory = filepath.Join(dir, "spool")
	c.Spool.Interval = 100 * time.Millisecond
	return c
}

// running is a node that a test started.
type running struct {
	url   string
	addrs []string // all of them, the socket first
	log   *buffer
	http  *http.Client
	stop  func() error // stops the node and gives what Run returned; may be called again
}

// start runs a node until the test ends.
func start(t *testing.T, c config.Config, o Options) *running {
	t.Helper()
	r := &running{log: new(buffer), http: &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}}
	o.Logger = slog.New(slog.NewTextHandler(r.log, nil))
	if o.Getenv == nil {
		o.Getenv = env()
	}
	n, err := New(c, o)
	if err != nil {
		t.Fatal(err)
	}
	r.addrs = n.Addrs()
	for _, a := range r.addrs {
		if strings.HasPrefix(a, "http://") {
			r.url = a
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		err := <-ended
		r.http.CloseIdleConnections()
		return err
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("the node ended with %v\n%s", err, r.log)
		}
	})
	return r
}

func (r *running) publish(t *testing.T, body string) fedmsg.Receipt {
	t.Helper()
	resp, err := r.http.Post(r.url+"/v1/messages", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	var receipt fedmsg.Receipt
	if err != nil || resp.StatusCode/100 != 2 || json.Unmarshal(text, &receipt) != nil {
		t.Fatalf("publishing: %s %s %v", resp.Status, text, err)
	}
	return receipt
}

func (r *running) get(t *testing.T, path string) (int, string) {
	t.Helper()
	resp, err := r.http.Get(r.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// follow reads n entries from the beginning.
func (r *running) follow(t *testing.T, n int) []fedmsg.Entry {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", r.url+"/v1/stream?after=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/x-ndjson")
	resp, err := r.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := json.NewDecoder(resp.Body)
	var entries []fedmsg.Entry
	for len(entries) < n {
		var e fedmsg.Entry
		if err := lines.Decode(&e); err != nil {
			t.Fatalf("after %d entries: %v", len(entries), err)
		}
		if e.ID != "" { // else a heartbeat
			entries = append(entries, e)
		}
	}
	return entries
}

// TestRestart publishes, stops, starts again on the same state, and finds everything, with the numbering going on.
func TestRestart(t *testing.T) {
	c := setup(t)
	first := start(t, c, Options{})
	for i := range 10 {
		first.publish(t, fmt.Sprintf(`{"topic":"a.b.c","msg":{"i":%d},"id":"m%d"}`, i, i))
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(strings.TrimPrefix(c.HTTP.Socket, "unix://")); err == nil {
		t.Error("the socket is still there")
	}

	second := start(t, c, Options{})
	if again := second.publish(t, `{"topic":"a.b.c","msg":{"i":3},"id":"m3"}`); !again.Duplicate || again.Seq != 4 {
		t.Errorf("a repetition got %+v", again)
	}
	if more := second.publish(t, `{"topic":"a.b.c","msg":{},"id":"new"}`); more.Duplicate || more.Seq != 11 {
		t.Errorf("a new message got %+v", more)
	}
	for i, e := range second.follow(t, 11) {
		if e.Position.Seq != uint64(i+1) || i < 10 && e.ID != "m"+strconv.Itoa(i) {
			t.Errorf("entry %d is %s %s", i+1, e.Position, e.ID)
		}
	}
}

// TestSecondNode has a state directory be served once only.
func TestSecondNode(t *testing.T) {
	c := setup(t)
	start(t, c, Options{})
	c.HTTP.Socket = ""
	if _, err := New(c, Options{}); fedmsg.CodeOf(err) != fedmsg.CodeLocked {
		t.Errorf("got %v", err)
	}
}

// TestNewLeavesNothing has a node that cannot listen give its state back; TestMain looks for goroutines.
func TestNewLeavesNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := setup(t)
	free := c.HTTP.Listen
	c.HTTP.Listen = []string{"http://" + taken.Addr().String()}
	if _, err := New(c, Options{}); fedmsg.CodeOf(err) != fedmsg.CodeCannotMake || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("got %v", err)
	}
	c.HTTP.Listen = free
	start(t, c, Options{})
}

// TestSpoolIsFetched has the node deliver what was spooled before and while it runs, each as the owner of its file, and
// keep what it refuses.
func TestSpoolIsFetched(t *testing.T) {
	c := setup(t)
	s := spool.New(c.Spool.Directory, spool.Options{})
	write := func(topic, id string) {
		envelope := fmt.Sprintf(`{"topic":%q,"msg":{},"msg_id":%q,"timestamp":1,"i":1}`, topic, id)
		if err := s.Write([]byte(envelope)); err != nil {
			t.Fatal(err)
		}
	}
	write("a.b.before", "1")
	write("a..refused", "2")
	r := start(t, c, Options{})
	write("a.b.while", "3")
	for i, e := range r.follow(t, 2) {
		if want := []string{"a.b.before", "a.b.while"}[i]; e.Topic != want || e.Sender != "uid:"+strconv.Itoa(os.Getuid()) {
			t.Errorf("entry %d is %s of %s, want %s", i+1, e.Topic, e.Sender, want)
		}
	}
	// A drain waits until the node's own has ended, which removes a file only after its entry could be read.
	left := func(_ context.Context, files []spool.File) []error {
		t.Errorf("%d files are still there, the first is %s", len(files), files[0].Name)
		return make([]error, len(files))
	}
	if sum, err := s.DrainOwn(t.Context(), left); err != nil || !sum.Empty {
		t.Errorf("%+v %v", sum, err)
	}
	rejected, err := os.ReadDir(filepath.Join(c.Spool.Directory, "rejected"))
	if err != nil || len(rejected) == 0 {
		t.Errorf("rejected holds %v %v", rejected, err)
	}
}

// TestServiceManager follows a node's life in what it tells the service manager.
func TestServiceManager(t *testing.T) {
	path := filepath.Join(shortDir(t), "notify")
	m := manager(t, path)
	r := start(t, setup(t), Options{Getenv: env("NOTIFY_SOCKET", path, "WATCHDOG_USEC", "20000")})
	if got := received(t, m); got != "READY=1\nSTATUS=listening" {
		t.Errorf("first %q", got)
	}
	if got := received(t, m); got != "WATCHDOG=1" {
		t.Errorf("then %q", got)
	}
	done := make(chan error)
	go func() { done <- r.stop() }()
	for {
		got := received(t, m)
		if got == "STOPPING=1" {
			break
		}
		if got != "WATCHDOG=1" {
			t.Errorf("then %q", got)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestHangupIsAnswered(t *testing.T) {
	hangup := make(chan os.Signal) // unbuffered: a send returns when the node has taken it
	r := start(t, setup(t), Options{Hangup: hangup})
	hangup <- os.Interrupt
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.log.String(), "nothing to do on a hangup: certificates, tokens, keys and trust files are read again") {
		t.Error(r.log)
	}
}

// TestHealthAndMetrics shows what an operator sees of a node that is well.
func TestHealthAndMetrics(t *testing.T) {
	c := setup(t)
	c.HTTP.InsecurePlainHTTP = true
	r := start(t, c, Options{Version: "v9"})
	r.publish(t, `{"topic":"a.b.c","msg":{}}`)
	if status, body := r.get(t, "/readyz"); status != 200 {
		t.Errorf("/readyz: %d %s", status, body)
	}
	status, body := r.get(t, "/healthz")
	for _, want := range []string{`"status":"warning"`, `http.insecure_plain_http"`, `"name":"log-write","status":"ok"`, `"name":"spool","status":"ok"`, `"name":"tokens","status":"ok"`} {
		if status != 200 || !strings.Contains(body, want) {
			t.Errorf("/healthz: %d, no %s in %s", status, want, body)
		}
	}
	_, body = r.get(t, "/metrics")
	for _, want := range []string{`fedmsg_build_info{version="v9"} 1`, "fedmsg_log_last_seq 1", "fedmsg_log_segments 1", "fedmsg_log_sync_seconds_count ", "fedmsg_ingest_accepted_total 1", "fedmsg_spool_delivered_total 0"} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics: no %s", want)
		}
	}
}

// TestReadersHoldTheLog has a saved position beyond the end, as after a restored backup, keep the node from appending.
func TestReadersHoldTheLog(t *testing.T) {
	c := setup(t)
	first := start(t, c, Options{})
	at := first.publish(t, `{"topic":"a.b.c","msg":{}}`).Position
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	ahead := fedmsg.Position{Log: at.Log, Seq: at.Seq + 100}
	if err := os.WriteFile(filepath.Join(ReadersDir(c.State), "archive"), []byte(ahead.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := start(t, c, Options{})
	if status, body := second.get(t, "/readyz"); status != 503 || !strings.Contains(body, string(fedmsg.CodeLogAhead)) {
		t.Errorf("/readyz: %d %s", status, body)
	}
	resp, err := second.http.Post(second.url+"/v1/messages", "application/json", strings.NewReader(`{"topic":"a.b.c","msg":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 503 {
		t.Errorf("publishing: %s", resp.Status)
	}
	if got := second.follow(t, 1); got[0].Position != at {
		t.Errorf("reading: %v", got)
	}
}

// TestPassedSocket has a node serve a listener that it was handed.
func TestPassedSocket(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := setup(t)
	c.HTTP.Listen, c.HTTP.Socket = nil, ""
	r := start(t, c, Options{Listeners: map[string]net.Listener{"http": l}})
	if r.url != "http://"+l.Addr().String() {
		t.Fatalf("listens on %q", r.url)
	}
	r.publish(t, `{"topic":"a.b.c","msg":{}}`)
}
