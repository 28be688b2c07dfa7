package datagrepper

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestMutatedRequests changes good requests anyhow: each is answered, as JSON, with what the reader may have, or refused with 400.
func TestMutatedRequests(t *testing.T) {
	t.Parallel()
	l := few(t)
	p, err := fedmsg.ParsePattern("org.fedoraproject.prod.#")
	if err != nil {
		t.Fatal(err)
	}
	l.scope = []fedmsg.Pattern{p}
	good := []string{
		"user=ann&not_package=gdb&category=git&category=bodhi&meta=usernames&meta=date", "topic=org.fedoraproject.prod.git.receive&topic=%23&order=asc", "agent=bob&not_agent=ann&contains=leak&contains=%22a%22",
		"start=1769860800&end=2026-01-31T12:30:00%2B00:00&delta=60.5", "delta=172800&rows_per_page=2&page=2&callback=jQuery1.f", "cursor=n1769860920000000&grouped=false&size=small&chrome=true",
	}
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 1))
	answered := 0
	for n := range fedmsgtest.Count(20_000, 1_000_000) {
		query := []byte(good[rnd.IntN(len(good))] + "&" + good[rnd.IntN(len(good))])
		for range 1 + rnd.IntN(3) {
			const signs = "%&=#*.+-\"'\\0129aeT:\x00\xff"
			i := rnd.IntN(len(query))
			if query[i] = signs[rnd.IntN(len(signs))]; rnd.IntN(3) == 0 {
				query = append(query[:i], query[min(len(query), i+rnd.IntN(20)):]...)
			}
			query = append(query, '&')
		}
		r := &http.Request{Method: "GET", URL: &url.URL{Path: []string{"/raw", "/v2/search"}[n%2], RawQuery: string(query)}}
		if q, err := parse(r, begin); q == nil || err != nil && fedmsg.CodeOf(err) != fedmsg.CodeBadRequest {
			t.Fatalf("seed %d: %q: %v", seed, query, err)
		}
		if n%100 > 0 { // most are only read
			continue
		}
		w := httptest.NewRecorder()
		l.handler.Serve(w, r, l.scope)
		body := strings.TrimSpace(w.Body.String())
		if w.Header().Get("Content-Type") == "application/javascript" {
			body = strings.TrimSuffix(body[strings.IndexByte(body, '(')+1:], ");")
		}
		if w.Code != 200 && w.Code != 400 || !json.Valid([]byte(body)) || strings.Contains(body, `"org.fedoraproject.stg.git.receive","username`) || strings.Contains(body, `"short","username`) {
			t.Fatalf("seed %d: %q: %d %s", seed, query, w.Code, body)
		}
		if w.Code == 200 {
			answered++
		}
	}
	if t.Logf("%d were answered", answered); answered == 0 {
		t.Error("all were refused")
	}
	if len(l.reports) > 0 && fedmsg.CodeOf(l.reports[0]).HTTPStatus() >= 500 {
		t.Errorf("reported %v", l.reports[0])
	}
}
