package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// many are messages of which every one fits into one line.
func many(n int) [][2]string {
	all := make([][2]string, n)
	for i := range all {
		all[i] = [2]string{"open.org.dev.git.push", fmt.Sprintf(`{"n":%d}`, i+1)}
	}
	return all
}

// TestArchiveExport: an export has all messages, one a line and in order, over many pages.
func TestArchiveExport(t *testing.T) {
	const all = 2*archive.MaxLimit + 7
	e := startEdge(t, func(_ *Config, d *Deps) { withArchive(t, d, many(all)...) })
	for query, want := range map[string]struct{ lines, first, last int }{
		"":                        {all, all, 1},
		"order=oldest":            {all, 1, all},
		"limit=1500&order=oldest": {1500, 1, 1500},
		"where=msg.n+<+3":         {2, 2, 1},
		"user=nobody":             {},
	} {
		status, body, h := ask(t, e.client("http"), "GET", "http://localhost/v1/messages?"+query, "", "Accept", "application/json;q=0.5, application/x-ndjson")
		lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
		if want.lines == 0 {
			if status != 200 || body != "" {
				t.Errorf("%s: %d %s", query, status, body)
			}
			continue
		}
		if status != 200 || h.Get("Content-Type") != ndjsonType || len(lines) != want.lines {
			t.Fatalf("%s: %d, %d lines, %v", query, status, len(lines), h)
		}
		for i, line := range lines {
			var entry fedmsg.Entry
			step := 1
			if want.last < want.first {
				step = -1
			}
			if err := entry.UnmarshalJSON([]byte(line)); err != nil || entry.ID != fmt.Sprintf("m/%d", want.first+step*i) {
				t.Fatalf("%s: line %d is %s (%v)", query, i, line, err)
			}
		}
	}
	if status, body, h := ask(t, e.client("http"), "HEAD", "http://localhost/v1/messages", "", "Accept", ndjsonType); status != 200 || body != "" || h.Get("Content-Type") != ndjsonType {
		t.Errorf("HEAD: %d %v", status, h)
	}
}

// stuckStore is a store that waits behind some rows until its context ends, or fails there.
type stuckStore struct {
	archive.Store
	after int           // rows that it gives
	err   error         // what it fails with; nil waits
	asked chan struct{} // gets a value when it waits, unless nil
	once  bool          // behind the first time it gives all
	slow  func()        // is called a while behind the end of its context, unless nil

	mu    sync.Mutex
	given int // guarded by mu
}

func (s *stuckStore) Rows(ctx context.Context, keys []archive.Key) ([]archive.Row, error) {
	s.mu.Lock()
	s.given += len(keys)
	gives := s.given <= s.after
	if !gives && s.once {
		s.given = -1 << 20
	}
	s.mu.Unlock()
	if gives {
		return s.Store.Rows(ctx, keys)
	}
	if s.asked != nil {
		s.asked <- struct{}{}
	}
	if s.err != nil {
		return nil, s.err
	}
	<-ctx.Done()
	if s.slow != nil {
		for range 1000 {
			runtime.Gosched()
		}
		s.slow()
	}
	return nil, ctx.Err()
}

// TestArchiveExportFails: an export whose store fails in the middle says so in its last line, and does not end as a whole one does.
func TestArchiveExportFails(t *testing.T) {
	e := startEdge(t, func(_ *Config, d *Deps) {
		fake := withArchive(t, d, many(3000)...)
		fake.store = &stuckStore{Store: fake.store, after: 1500, err: fedmsg.Errorf(fedmsg.CodeUnavailable, "the archive is damaged")}
	})
	lines, err := exported(t, e, "")
	if err != io.ErrUnexpectedEOF || len(lines) < 2 || !strings.Contains(lines[len(lines)-1], `{"error":{"code":"unavailable","message":"the archive is damaged"}}`) {
		t.Errorf("%v, %d lines, %.200q", err, len(lines), lines[len(lines)-1])
	}
}

// goneReader is a reader that goes when something has happened.
type goneReader struct {
	*httptest.ResponseRecorder
	when <-chan struct{}
	once sync.Once
}

func (r *goneReader) Write([]byte) (int, error) {
	r.once.Do(func() { <-r.when })
	return 0, io.ErrClosedPipe
}

// TestArchiveExportWaits: an export whose reader has gone ends the search for its next page, and ends behind it.
func TestArchiveExportWaits(t *testing.T) {
	ended := make(chan string, 2)
	asked := make(chan struct{}, 1)
	everything, err := fedmsg.ParsePattern("#")
	if err != nil {
		t.Fatal(err)
	}
	e := startEdge(t, func(_ *Config, d *Deps) {
		fake := withArchive(t, d, many(3000)...)
		fake.store = &stuckStore{Store: fake.store, after: 1500, asked: asked, slow: func() { ended <- "the page" }}
	})
	go func() {
		defer func() {
			if recover() != http.ErrAbortHandler {
				t.Error("the export ended as a whole one does")
			}
			ended <- "the export"
		}()
		r := httptest.NewRequest("GET", "/v1/messages", nil).WithContext(t.Context())
		q := &archiveRequest{timeout: time.Minute, query: archive.Query{Limit: archive.MaxLimit, Filter: filter.Filter{Scope: []fedmsg.Pattern{everything}}}}
		_ = e.export(&goneReader{ResponseRecorder: httptest.NewRecorder(), when: asked}, r, q)
	}()
	if first, second := <-ended, <-ended; first != "the page" {
		t.Errorf("%s ended before %s", first, second)
	}
}

// exported reads the lines of an export until its end or an error.
func exported(t *testing.T, e *edge, query string) (lines []string, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://localhost/v1/messages?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", ndjsonType)
	resp, err := e.client("http").Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := bufio.NewScanner(resp.Body)
	for in.Scan() {
		lines = append(lines, in.Text())
	}
	return lines, in.Err()
}

// TestArchiveShutdown: an export under way ends when the node does, and says why.
func TestArchiveShutdown(t *testing.T) {
	asked := make(chan struct{})
	e := startEdge(t, func(_ *Config, d *Deps) {
		fake := withArchive(t, d, many(3000)...)
		fake.store = &stuckStore{Store: fake.store, after: 1500, asked: asked}
	})
	type result struct {
		lines []string
		err   error
	}
	done := make(chan result, 1)
	go func() {
		lines, err := exported(t, e, "")
		done <- result{lines, err}
	}()
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := e.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if r := <-done; r.err == nil || len(r.lines) == 0 || !strings.Contains(r.lines[len(r.lines)-1], "the node is stopping") {
		t.Errorf("%v, %d lines", r.err, len(r.lines))
	}
}

// TestArchivePartial: a question whose time is over has what was found, and a cursor to go on; an export goes on by itself and tells
// where it is.
func TestArchivePartial(t *testing.T) {
	start := func(once bool) *edge {
		return startEdge(t, func(_ *Config, d *Deps) {
			fake := withArchive(t, d, many(300)...)
			fake.store = &stuckStore{Store: fake.store, once: once}
		})
	}
	stuck := start(false)
	status, body, _ := ask(t, stuck.client("http"), "GET", "http://localhost/v1/messages?timeout=20ms", "")
	if p, ids := decodePage(t, status, body); !p.Partial || p.Next == nil || ids != "" {
		t.Errorf("%s", body)
	}
	if status, body, _ := ask(t, stuck.client("http"), "GET", "http://localhost/v1/latest?timeout=20ms", ""); status != 504 || codeIn(t, body) != fedmsg.CodeTimeout {
		t.Errorf("latest: %d %s", status, body)
	}
	lines, err := exported(t, start(true), "timeout=1s") // in the next page it gives all
	if err != nil || len(lines) != 301 || !strings.HasPrefix(lines[0], `{"progress":{"next":"`) {
		t.Errorf("%v, %d lines, the first %.100q", err, len(lines), lines[:min(1, len(lines))])
	}
}

// TestArchiveTurns: beyond the bound questions wait for their turn within their time, and exports are refused.
func TestArchiveTurns(t *testing.T) {
	asked := make(chan struct{}, 8)
	e := startEdge(t, func(c *Config, d *Deps) {
		c.MaxQuestions, c.MaxExports = 1, 1
		fake := withArchive(t, d, many(3)...)
		fake.store = &stuckStore{Store: fake.store, asked: asked}
	})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		r, _ := http.NewRequestWithContext(ctx, "GET", "http://localhost/v1/messages", nil)
		r.Header.Set("Accept", ndjsonType)
		if resp, err := e.client("http").Do(r); err == nil {
			resp.Body.Close()
		}
	}()
	<-asked
	if status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/messages", "", "Accept", ndjsonType); status != 503 || !strings.Contains(body, "http.max_exports") {
		t.Errorf("export: %d %s", status, body)
	}
	if status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/stats?timeout=10ms", ""); status != 503 || codeIn(t, body) != fedmsg.CodeBusy {
		t.Errorf("question: %d %s", status, body)
	}
	cancel()
	<-gone
	if status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/stats", ""); status != 200 {
		t.Errorf("after its turn: %d %s", status, body)
	}
}
