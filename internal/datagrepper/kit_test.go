package datagrepper

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/archivetest"
)

// begin is when the first message of a test was made; the others follow by the minute.
var begin = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// at is the time of the nth message, counted from 1, in seconds.
func at(n int) int64 { return begin.Unix() + 60*int64(n-1) }

// library is an archive of messages, each a topic and a body, and its front door.
type library struct {
	handler Handler
	store   archive.Store
	scope   []fedmsg.Pattern
	reports []error
}

func newLibrary(t testing.TB, messages ...[2]string) *library {
	t.Helper()
	var entries []fedmsg.Entry
	for i, m := range messages {
		entries = append(entries, fedmsg.Entry{
			ID: fmt.Sprintf("2026-%d", i+1), Topic: m[0], Received: time.Unix(at(i+1), 0).UTC(),
			Envelope: fmt.Appendf(nil, `{"i":1,"msg":%s,"msg_id":"2026-%d","timestamp":%d,"topic":"%s","username":"apache"}`, m[1], i+1, at(i+1), m[0]),
		})
	}
	return libraryOf(t, entries...)
}

func libraryOf(t testing.TB, entries ...fedmsg.Entry) *library {
	t.Helper()
	l := &library{store: archivetest.NewMemory(), scope: []fedmsg.Pattern{fedmsg.MatchAll()}}
	var drafts []archive.Draft
	for i := range entries {
		drafts = append(drafts, archive.DraftOf(&entries[i]))
	}
	if _, err := l.store.Append(t.Context(), drafts, fedmsg.Position{}); err != nil {
		t.Fatal(err)
	}
	l.handler.CountTime = time.Minute
	l.handler.Report = func(err error) { l.reports = append(l.reports, err) }
	l.handler.Searcher = func(context.Context) (*archive.Searcher, func(), error) {
		return archive.NewSearcher(l.store), func() {}, nil
	}
	return l
}

// get asks for a path with its query.
func (l *library) get(target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	l.handler.Serve(w, httptest.NewRequest(http.MethodGet, target, nil), l.scope)
	return w
}

// rawAnswer is an answer of /raw or /v2/search.
type rawAnswer struct {
	Arguments   map[string]any
	Count       int
	Pages       int
	Total       int
	Approximate bool
	Partial     bool
	Cursor      string
	Messages    []json.RawMessage `json:"raw_messages"`
	Error, Code string
}

// search asks for a path with its query, and decodes the answer.
func (l *library) search(t testing.TB, target string) (a rawAnswer) {
	t.Helper()
	w := l.get(target)
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || (w.Code == http.StatusOK) != (a.Error == "") {
		t.Fatalf("%s: %d %s (%v)", target, w.Code, w.Body, err)
	}
	if a.Error == "" && a.Count != len(a.Messages) {
		t.Errorf("%s: count is %d, and there are %d", target, a.Count, len(a.Messages))
	}
	return a
}

// numbers gives the messages by the numbers of their ids.
func (a *rawAnswer) numbers(t testing.TB) string {
	t.Helper()
	var all []string
	for _, raw := range a.Messages {
		var m struct {
			MsgID string `json:"msg_id"`
			ID    string
		}
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.TrimPrefix(m.MsgID+m.ID, "2026-"))
	}
	return strings.Join(all, " ")
}

// query writes parameters, each NAME=VALUE, as the query of an address.
func query(parameters ...string) string {
	v := url.Values{}
	for _, p := range parameters {
		name, value, _ := strings.Cut(p, "=")
		v.Add(name, value)
	}
	return "?" + v.Encode()
}
