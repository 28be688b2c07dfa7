package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// startArchive answers every request with answer, and gives a client of it and the requests.
func startArchive(t *testing.T, answer func(w http.ResponseWriter)) (*Client, chan *http.Request) {
	t.Helper()
	asked := make(chan *http.Request, 10)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r
		answer(w)
	}))
	t.Cleanup(s.Close)
	return newClient(t, Options{Node: s.URL}), asked
}

// archived is a line of an export.
func archived(n int) string {
	e := fedmsg.Entry{ID: fmt.Sprint("id-", n), Topic: "a.b", Received: time.Unix(int64(n), 0), Envelope: fmt.Appendf(nil, `{"msg":{"n":%d}}`, n)}
	return string(e.AppendJSON(nil)) + "\n"
}

// found gives the ids of the messages that a question has, and the error at the end.
func found(c *Client, o QueryOptions) (ids []string, err error) {
	for e, err := range c.Query(context.Background(), o) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, e.ID)
	}
	return ids, nil
}

// TestQueryAsks holds that each option is a parameter of the request.
func TestQueryAsks(t *testing.T) {
	c, asked := startArchive(t, func(w http.ResponseWriter) {
		io.WriteString(w, archived(1)+`{"progress":{"next":"n1"}}`+"\n\n"+archived(2))
	})
	topic, _ := fedmsg.ParsePattern("a.#")
	searched := 0
	o := QueryOptions{
		Topics: []fedmsg.Pattern{topic}, Prefixes: []string{"p"}, Categories: []string{"c", "d"}, Users: []string{"u"}, Packages: []string{"k"},
		Senders: []string{"uid"}, Signers: []string{"s/x"}, Severities: []string{"info"}, IDs: []string{"1"}, Text: "t & t", Where: `msg.a == "b"`,
		NotTopics: []fedmsg.Pattern{topic}, NotPrefixes: []string{"np"}, NotCategories: []string{"nc"}, NotUsers: []string{"nu"}, NotPackages: []string{"nk"},
		Since: time.Unix(1e9, 5), Until: time.Unix(2e9, 0), Oldest: true, Limit: 7, MinPosition: fedmsg.Position{Log: fakeLog, Seq: 3},
		Progress: func() { searched++ },
	}
	ids, err := found(c, o)
	if err != nil || strings.Join(ids, " ") != "id-1 id-2" || searched != 1 {
		t.Errorf("%v %v, progress %d", ids, err, searched)
	}
	r := <-asked
	const want = "topic=a.#&prefix=p&category=c&category=d&user=u&package=k&sender=uid&signer=s/x&severity=info&id=1&text=t+%26+t&where=msg.a+%3D%3D+%22b%22" +
		"&not_topic=a.#&not_prefix=np&not_category=nc&not_user=nu&not_package=nk&since=2001-09-09T01:46:40.000000005Z&until=2033-05-18T03:33:20Z" +
		"&order=oldest&limit=7&min_position=k3v5q2m7x4ab-3"
	wanted, _ := url.ParseQuery(want)
	if r.URL.Path != "/v1/messages" || r.Header.Get("Accept") != "application/x-ndjson" || r.URL.Query().Encode() != wanted.Encode() {
		t.Errorf("asked %s\n with %v\n want %v", r.URL.Path, r.URL.Query(), wanted)
	}
	if _, err := found(c, QueryOptions{}); err != nil || (<-asked).URL.RawQuery != "" {
		t.Errorf("the zero options ask for something: %v", err)
	}
}

// TestQueryEnds: an answer that breaks off, or that the node ends with an error, is not taken for a whole one; what came before is given.
func TestQueryEnds(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		code   fedmsg.Code
		ids    int
	}{
		"whole": {func(w http.ResponseWriter) { io.WriteString(w, archived(1)) }, "", 1},
		"empty": {func(http.ResponseWriter) {}, "", 0},
		"refused": {func(w http.ResponseWriter) {
			w.WriteHeader(400)
			io.WriteString(w, `{"error":{"code":"bad_request","message":"no"}}`)
		}, fedmsg.CodeBadRequest, 0},
		"error": {func(w http.ResponseWriter) {
			io.WriteString(w, archived(1)+`{"error":{"code":"damaged","message":"no"}}`+"\n")
		}, fedmsg.CodeDamaged, 1},
		"broken": {func(w http.ResponseWriter) {
			io.WriteString(w, archived(1)+archived(2))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, fedmsg.CodeUnavailable, 2},
		"other": {func(w http.ResponseWriter) { io.WriteString(w, archived(1)+"<html>\n") }, fedmsg.CodeInternal, 1},
	} {
		client, _ := startArchive(t, c.answer)
		ids, err := found(client, QueryOptions{})
		if len(ids) != c.ids || err == nil != (c.code == "") || err != nil && fedmsg.CodeOf(err) != c.code {
			t.Errorf("%s: %v %v", name, ids, err)
		}
	}
}

// TestQueryStops: a consumer that has enough ends it, and so does the end of its context, without an error.
func TestQueryStops(t *testing.T) {
	c, _ := startArchive(t, func(w http.ResponseWriter) {
		for n := 0; ; n++ {
			if _, err := io.WriteString(w, archived(n)); err != nil {
				return
			}
		}
	})
	n := 0
	for range c.Query(t.Context(), QueryOptions{}) {
		if n++; n == 100 {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range c.Query(ctx, QueryOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		cancel()
	}
}

func TestCountAndStats(t *testing.T) {
	c, asked := startArchive(t, func(w http.ResponseWriter) {
		io.WriteString(w, `{"messages":[],"count":{"approximate":42,"more":true},"points":[{"at":"2026-01-31T00:00:00Z","name":"git","count":7}],"partial":true}`)
	})
	n, more, err := c.Count(t.Context(), QueryOptions{Users: []string{"ann"}, Limit: 5})
	if got := (<-asked).URL.RawQuery; n != 42 || !more || err != nil || got != "count=approximate&limit=1&user=ann" {
		t.Errorf("%d %v %v, asked %s", n, more, err, got)
	}
	points, partial, err := c.Stats(t.Context(), StatsOptions{By: "category", Hourly: true, Names: []string{"git"}, Since: time.Unix(1e9, 0)})
	if got := (<-asked).URL.RequestURI(); !partial || err != nil || len(points) != 1 || points[0].Name != "git" || points[0].Count != 7 || points[0].At.Day() != 31 ||
		got != "/v1/stats?bucket=hour&by=category&name=git&since=2001-09-09T01%3A46%3A40Z" {
		t.Errorf("%v %v %v, asked %s", points, partial, err, got)
	}
}
