package datagrepper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// few is an archive of six messages.
func few(t testing.TB) *library {
	return newLibrary(t,
		[2]string{"org.fedoraproject.prod.git.receive", `{"agent":"ann","packages":["gdb"],"text":"memory leak in gdb"}`},
		[2]string{"org.fedoraproject.prod.bodhi.update", `{"user":"bob","package":"gdb"}`},
		[2]string{"org.fedoraproject.prod.bodhi.comment", `{"agent":"bob","user":"ann","package":"bash"}`},
		[2]string{"org.fedoraproject.prod.wiki.edit", `{"agent_name":"cid","page":"caf\u00e9"}`},
		[2]string{"org.fedoraproject.stg.git.receive", `{"agent":"bob","package":"gdb"}`},
		[2]string{"short", `{"x":"leaks"}`},
	)
}

// TestRawFilters holds what each argument asks for: one of its values, and all arguments together.
func TestRawFilters(t *testing.T) {
	t.Parallel()
	l := few(t)
	for arguments, want := range map[string]string{
		"": "6 5 4 3 2 1", "order=asc": "1 2 3 4 5 6", "user=ann": "3 1", "user=ann&user=cid": "4 3 1", "user=absent": "", "package=gdb": "5 2 1",
		"user=ann&package=bash": "3", "category=git": "5 1", "category=git&category=wiki&user=bob": "5", "category=Unclassified": "6",
		"topic=org.fedoraproject.prod.git.receive": "1", "topic=short&topic=org.fedoraproject.prod.wiki.edit": "6 4", "topic=org.fedoraproject.*.git.%23": "5 1", "topic=git.receive": "",
		"not_user=ann": "6 5 4 2", "not_package=gdb": "6 4 3", "not_category=git&not_category=bodhi": "6 4", "not_topic=short": "5 4 3 2 1",
		"category=git&not_topic=org.*.stg.%23": "1", "user=bob&not_user=ann": "5 2",
		"agent=bob": "5 3", "agent=cid": "4", "agent=ann&agent=cid": "4 1", "not_agent=bob": "6 4 2 1", "agent=bob&not_agent=bob": "", "agent=bob&contains=bash": "3",
		"contains=leak": "6 1", "contains=memory+leak": "1", "contains=mory+le": "1", "contains=Leak": "", "contains=caf%C3%A9": "4", "contains=bash&contains=caf": "4 3", "contains=leak&user=ann": "1",
		"contains=%22user%22:%22bob%22": "2", "contains=fedoraproject": "",
		"rows_per_page=2": "6 5", "rows_per_page=2&page=2": "4 3", "rows_per_page=4&page=2": "2 1", "rows_per_page=4&page=3": "", "order=asc&page=2&rows_per_page=5": "6",
		"unknown=1&_=123": "6 5 4 3 2 1", "size=small&chrome=false&grouped=false": "6 5 4 3 2 1",
	} {
		for _, path := range []string{"/raw?", "/raw/?", "/v2/search?"} {
			a := l.search(t, path+arguments)
			if got := a.numbers(t); got != want || a.Partial || a.Approximate {
				t.Errorf("%s%s: %q, want %q (%+v)", path, arguments, got, want, a.Error)
			}
		}
	}
	if len(l.reports) > 0 {
		t.Errorf("reported %v", l.reports)
	}
}

// TestRawShape holds an answer byte for byte, and that a message stands in it as it was.
func TestRawShape(t *testing.T) {
	t.Parallel()
	w := few(t).get("/raw?rows_per_page=1&category=git&user=ann&meta=date&meta=usernames&delta=1e10")
	got := w.Body.String()
	for from, to := range map[string]string{`"end":`: `,"grouped"`, `"start":`: `,"topics"`, `"date":"`: `"`} {
		_, rest, _ := strings.Cut(got, from)
		value, _, _ := strings.Cut(rest, to)
		got = strings.Replace(got, from+value+to, from+"…"+to, 1)
	}
	want := `{"arguments":{"agents":[],"categories":["git"],"contains":[],"delta":10000000000,"end":…,"grouped":false,"meta":["date","usernames"],"not_agents":[],` +
		`"not_categories":[],"not_packages":[],"not_topics":[],"not_users":[],"order":"desc","packages":[],"page":1,"rows_per_page":1,"start":…,"topics":[],"users":["ann"]},` +
		`"count":1,"pages":1,"raw_messages":[{"i":1,"msg":{"agent":"ann","packages":["gdb"],"text":"memory leak in gdb"},"msg_id":"2026-1","timestamp":1769860800,` +
		`"topic":"org.fedoraproject.prod.git.receive","username":"apache","meta":{"date":"…","usernames":["ann"]}}],"total":1}` + "\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if h := w.Header().Get("Content-Type"); h != "application/json" {
		t.Error(h)
	}
}

// TestRawTotal holds what is told of how many there are: all while they are few, and never fewer than the pages that can be asked for.
func TestRawTotal(t *testing.T) {
	t.Parallel()
	var messages [][2]string
	for i := range mostCounted + 250 {
		messages = append(messages, [2]string{"a.b.c.d", fmt.Sprintf(`{"n":%d}`, i)})
	}
	l := newLibrary(t, messages...)
	if a := l.search(t, "/raw?rows_per_page=100&page=3"); a.Total != len(messages) || a.Pages != 103 || a.Approximate || a.Count != 100 {
		t.Errorf("%d in %d pages, approximate %v", a.Total, a.Pages, a.Approximate)
	}
	if a := l.search(t, "/raw"); a.Total != mostCounted+20 || a.Pages != 501 || !a.Approximate || a.Count != 20 {
		t.Errorf("%d in %d pages, approximate %v", a.Total, a.Pages, a.Approximate)
	}
	a := l.search(t, "/raw?rows_per_page=100&page=103")
	if a.Total != len(messages) || a.Pages != 103 || a.Count != 50 || a.Cursor != "" {
		t.Errorf("the last: %d in %d pages, %d on this, cursor %q", a.Total, a.Pages, a.Count, a.Cursor)
	}
	if a := l.search(t, "/raw?rows_per_page=100&page=104"); a.Total != len(messages) || a.Count != 0 {
		t.Errorf("behind the last: %d in %d pages, %d on this", a.Total, a.Pages, a.Count)
	}
}

// TestCursor goes through all messages while others arrive, which moves pages but no cursor.
func TestCursor(t *testing.T) {
	t.Parallel()
	l := few(t)
	var got []string
	target := "/raw?rows_per_page=2"
	for n := range 10 {
		a := l.search(t, target)
		got = append(got, a.numbers(t))
		e := fedmsg.Entry{ID: fmt.Sprintf("new-%d", n), Topic: "a.b.c.d", Received: time.Unix(at(100+n), 0), Envelope: []byte(`{"msg":{}}`)}
		if _, err := l.store.Append(t.Context(), []archive.Draft{archive.DraftOf(&e)}, fedmsg.Position{}); err != nil {
			t.Fatal(err)
		}
		if a.Cursor == "" {
			break
		}
		target = "/raw?rows_per_page=2&cursor=" + a.Cursor
	}
	if diff := cmp.Diff([]string{"6 5", "4 3", "2 1"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestPartial holds that a deadline gives what was found, and says so.
func TestPartial(t *testing.T) {
	t.Parallel()
	l := few(t)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	q := archive.Query{Limit: 2}
	q.Filter.Scope = l.scope
	f, err := l.handler.search(ctx, archive.NewSearcher(l.store), q, 0, 2)
	if err != nil || !f.partial || !f.more || len(f.rows) > 0 {
		t.Errorf("%+v, %v", f, err)
	}
	l.handler.CountTime = -1
	if a := l.search(t, "/raw?rows_per_page=2"); a.Partial || !a.Approximate || a.Count != 2 || a.Total < 2 || a.Cursor == "" {
		t.Errorf("without time for counting: %+v", a)
	}
}

// TestScope holds that nobody is given or told of a message outside of their topics, on any route.
func TestScope(t *testing.T) {
	t.Parallel()
	l := few(t)
	p, err := fedmsg.ParsePattern("org.fedoraproject.prod.git.#")
	if err != nil {
		t.Fatal(err)
	}
	l.scope = []fedmsg.Pattern{p}
	for _, target := range []string{"/raw?", "/v2/search?", "/raw?user=ann", "/raw?contains=gdb", "/raw?topic=%23", "/raw?agent=ann", "/raw?not_user=bob", "/v2/search?package=gdb", "/raw?order=asc"} {
		a := l.search(t, target)
		if got := a.numbers(t); got != "1" || a.Total != 1 {
			t.Errorf("%s: %q of %d", target, got, a.Total)
		}
	}
	for _, target := range []string{"/id?id=2026-2", "/v2/id?id=2026-2"} {
		if w := l.get(target); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	if got := l.get("/messagecount").Body.String(); got != `{"messagecount":1}`+"\n" {
		t.Error(got)
	}
	l.scope = nil
	if a := l.search(t, "/raw"); a.Count != 0 || a.Total != 0 {
		t.Errorf("who may have nothing has %d of %d", a.Count, a.Total)
	}
}

// TestRefusals holds what is refused, and how it is told.
func TestRefusals(t *testing.T) {
	t.Parallel()
	l := few(t)
	long := strings.Repeat("x", mostBytes+1)
	for target, want := range map[string]string{
		"/raw?page=0": "page must be > 0", "/raw?page=x": "whole number", "/raw?page=99999999": "<= 1000000", "/raw?rows_per_page=101": "rows_per_page must be <= 100",
		"/raw?rows_per_page=0": "rows_per_page must be > 0", "/raw?order=up": "order must be one of desc, asc", "/raw?start=yesterday": "start is no time", "/raw?delta=-1": "delta must be a number",
		"/raw?delta=NaN": "delta must be a number", "/raw?start=10&end=9": "end is before start", "/raw?meta=nonsense": "meta must be one of", "/raw?grouped=true": "grouped=true is not supported",
		"/raw?size=huge": "size must be", "/raw?chrome=1": "chrome must be", "/raw?callback=alert(1)": "callback is not", "/raw?topic=a..b": "empty word", "/raw?user=": "user is empty",
		"/raw?user=" + long: "user has 1025 bytes", "/raw?user=%00": "no text", "/raw?user=%ff": "no text", "/raw?cursor=x": "is no cursor", "/raw?cursor=o5": "other order", "/raw?cursor=n5&page=2": "without page",
		"/raw?a=%zz": "not well formed", "/raw?start=1e300": "start is no time", "/raw" + query(strings.Split("contains=a "+strings.Repeat("contains=a ", mostParts), " ")[:mostParts+1]...): "contains is given",
		"/id": "id is missing", "/id?id=": "id is missing", "/id?id=x&is_raw=2": "is_raw must be", "/v2/id?id=%01": "no text",
	} {
		w := l.get(target)
		var a struct {
			Error, Code string
			Arguments   map[string]any
		}
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != http.StatusBadRequest || !strings.Contains(a.Error, want) || a.Code == "" {
			t.Errorf("%.60s: %d %s (%v), want %q", target, w.Code, w.Body, err, want)
		}
		if has := len(a.Arguments) == 19; has != strings.HasPrefix(target, "/raw") {
			t.Errorf("%.60s: the arguments are %v", target, a.Arguments)
		}
	}
	if w := l.get("/id?id=absent"); w.Code != http.StatusNotFound || w.Body.String() != `{"error":"not_found","code":"not_found"}`+"\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestStoreFails holds that an archive that cannot be asked is told of to the operator, and no insides of it to anybody else.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	l := few(t)
	l.handler.Searcher = func(context.Context) (*archive.Searcher, func(), error) {
		return nil, nil, fedmsg.WrapError(fedmsg.CodeUnavailable, errors.New("disk /secret"), "the archive cannot be read")
	}
	for _, target := range []string{"/raw", "/id?id=x", "/messagecount", "/v2/search"} {
		w := l.get(target)
		if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "the archive cannot be read") || strings.Contains(w.Body.String(), "secret") || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	if len(l.reports) != 4 {
		t.Errorf("reported %v", l.reports)
	}
}
