package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/archivetest"
	"github.com/federated-messaging/fedmsg/internal/archiver"
)

// archiveFake is an archive over a store in memory that has everything up to a position.
type archiveFake struct {
	store archive.Store
	upTo  uint64
	err   error // why it cannot be asked
	gaps  []fedmsg.Gap
}

func (a *archiveFake) Searcher() (*archive.Searcher, error) {
	return archive.NewSearcher(a.store), a.err
}

func (a *archiveFake) Await(ctx context.Context, p fedmsg.Position) error {
	if p.Log != edgeLog {
		return fedmsg.Errorf(fedmsg.CodeBadPosition, "%s is no position here", p)
	}
	if p.Seq <= a.upTo {
		return nil
	}
	<-ctx.Done()
	return fedmsg.WrapError(fedmsg.CodeTimeout, ctx.Err(), "the archive has not got so far")
}

// keptFake is an archive that can be written into.
type keptFake struct{ *archiveFake }

func (k keptFake) Status() archiver.Status {
	return archiver.Status{Position: fedmsg.Position{Log: edgeLog, Seq: k.upTo}, Lag: 3}
}

func (k keptFake) Write(ctx context.Context, do func(context.Context, archive.Writer) error) error {
	if k.err != nil {
		return k.err
	}
	return do(ctx, k.store)
}

func (a *archiveFake) Gaps() []fedmsg.Gap { return a.gaps }

// archiveBegin is when the first message of a test was received; the others follow by the second.
var archiveBegin = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// withArchive gives a server an archive of messages, a topic and a body each.
func withArchive(t testing.TB, d *Deps, messages ...[2]string) *archiveFake {
	t.Helper()
	fake := &archiveFake{store: archivetest.NewMemory(), upTo: uint64(len(messages))}
	var drafts []archive.Draft
	for i, m := range messages {
		e := fedmsg.Entry{
			Position: fedmsg.Position{Log: edgeLog, Seq: uint64(i + 1)}, Received: archiveBegin.Add(time.Duration(i) * time.Second),
			ID: fmt.Sprintf("m/%d", i+1), Topic: m[0], Sender: "uid:1000",
			Envelope: fmt.Appendf(nil, `{"topic":"%s","msg":%s,"msg_id":"m/%d"}`, m[0], m[1], i+1),
		}
		drafts = append(drafts, archive.DraftOf(&e))
	}
	if _, err := fake.store.Append(t.Context(), drafts, fedmsg.Position{Log: edgeLog, Seq: fake.upTo}); err != nil {
		t.Fatal(err)
	}
	d.Archive = fake
	return fake
}

// pageJSON is an answer of GET /v1/messages.
type pageJSON struct {
	Messages []fedmsg.Entry
	Next     *string
	Partial  bool
	Count    *struct {
		Approximate int
		More        bool
	}
}

func decodePage(t *testing.T, status int, body string) (p pageJSON, ids string) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &p); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s (%v)", status, body, err)
	}
	var all []string
	for i := range p.Messages {
		all = append(all, strings.TrimPrefix(p.Messages[i].ID, "m/"))
	}
	return p, strings.Join(all, " ")
}

// sample are messages with a bit of everything.
func sample() [][2]string {
	return [][2]string{
		{"open.org.dev.bts.bug.close", `{"user":"ann","package":"nginx","title":"a kernel panic"}`},
		{"open.org.dev.git.push", `{"user":"bob","package":"bash","n":1}`},
		{"secret.org.dev.git.push", `{"user":"ann","package":"bash","n":2}`},
		{"open.org.dev.git.push", `{"user":"ann","package":"nginx","n":3,"title":"panic"}`},
		{"open.org.dev.wiki.edit", `{"user":"cy","n":4}`},
	}
}

// TestArchiveQuery asks for messages by each parameter.
func TestArchiveQuery(t *testing.T) {
	e := startEdge(t, func(_ *Config, d *Deps) { withArchive(t, d, sample()...) })
	for query, want := range map[string]string{
		"":                                   "5 4 3 2 1",
		"order=oldest":                       "1 2 3 4 5",
		"limit=2":                            "5 4",
		"topic=open.%23":                     "5 4 2 1",
		"topic=open.org.dev.git.push":        "4 2",
		"topic=*.org.dev.git.*&limit=2":      "4 3",
		"prefix=secret":                      "3",
		"category=git":                       "4 3 2",
		"category=git&category=wiki":         "5 4 3 2",
		"user=ann":                           "4 3 1",
		"user=ann&package=nginx":             "4 1",
		"package=bash":                       "3 2",
		"sender=uid":                         "5 4 3 2 1",
		"sender=token":                       "",
		"signer=debian":                      "",
		"id=m/3&id=m/9&id=m/1":               "3 1",
		"id=m/3&id=m/3":                      "3",
		"text=PANIC":                         "4 1",
		"text=panic+kernel":                  "1",
		"where=msg.n+>+2":                    "5 4",
		"where=msg.n+>+2&user=ann":           "4",
		"not_user=ann":                       "5 2",
		"not_topic=open.%23":                 "3",
		"not_prefix=open.org.dev.g&limit=9":  "5 3 1",
		"not_category=git&not_package=nginx": "5",
		"since=2026-01-31T12:00:02Z":         "5 4 3",
		"until=2026-01-31T12:00:02Z":         "2 1",
		"since=1769860801&until=1769860803":  "3 2",
		"user=nobody":                        "",
	} {
		status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/messages?"+query, "")
		p, ids := decodePage(t, status, body)
		if ids != want || p.Partial || p.Count != nil || (p.Next == nil) == strings.Contains(query, "limit=2") {
			t.Errorf("%s: %q, want %q; partial %v, next %v", query, ids, want, p.Partial, p.Next)
		}
	}
}

// TestArchivePages goes through all pages, while messages come.
func TestArchivePages(t *testing.T) {
	for _, order := range []string{"newest", "oldest"} {
		e := startEdge(t, func(_ *Config, d *Deps) { withArchive(t, d, sample()...) })
		var got []string
		next := ""
		for {
			status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/messages?limit=2&count=approximate&order="+order+next, "")
			p, ids := decodePage(t, status, body)
			if got = append(got, ids); p.Count == nil || p.Count.Approximate != 5 || p.Count.More {
				t.Fatalf("%s", body)
			}
			if p.Next == nil {
				break
			}
			next = "&cursor=" + url.QueryEscape(*p.Next)
		}
		if want := map[string]string{"newest": "5 4|3 2|1", "oldest": "1 2|3 4|5"}[order]; strings.Join(got, "|") != want {
			t.Errorf("%s: %q", order, got)
		}
	}
}
