package httpapi

import (
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestArchiveRefused holds that what is mistyped or makes no sense is refused with a sentence that names it.
func TestArchiveRefused(t *testing.T) {
	e := startEdge(t, func(_ *Config, d *Deps) { withArchive(t, d, sample()...) })
	for request, want := range map[string]string{
		"messages?topik=a":                           `parameter \"topik\" is not known here; there are topic, prefix,`,
		"messages?topic=a..b":                        "a..b",
		"messages?topic=":                            "pattern",
		"messages?prefix=":                           "prefix is empty",
		"messages?user=":                             "user is empty",
		"messages?user=%00":                          `parameter \"user\" has bytes that are no text`,
		"messages?user=%ff":                          `parameter \"user\" has bytes that are no text`,
		"messages?id=" + strings.Repeat("x", 5000):   "id has 5000 bytes",
		"messages?" + strings.Repeat("user=a&", 300): "user is given 300 times",
		"messages?%zz":                               "write # as %23",
		"messages?sender=1000":                       "is no sender",
		"messages?signer=/":                          "is no signer",
		"messages?severity=loud":                     "is no severity; there are debug, info",
		"messages?text=":                             "text is empty",
		"messages?text=...":                          "no word",
		"messages?text=a&text=b":                     "text is given 2 times",
		"messages?where=msg.n+%3E":                   "at character",
		"messages?since=yesterday":                   "since is not a time",
		"messages?until=1e300":                       "until is not a time",
		"messages?since=1h&until=2h":                 "is before since",
		"messages?order=up":                          `order is newest or oldest, not \"up\"`,
		"messages?limit=0":                           "limit is a number from 1 to 1000",
		"messages?limit=1001":                        "limit is a number from 1 to 1000",
		"messages?cursor=x":                          `\"x\" is no cursor`,
		"messages?count=exact":                       "count is none or approximate",
		"messages?timeout=6s":                        "timeout is a time up to 5s",
		"messages?timeout=0s":                        "timeout is a time up to 5s",
		"messages?min_position=7":                    "LOGID-SEQ",
		"latest?limit=1":                             `parameter \"limit\" is not known here`,
		"latest?user=":                               "user is empty",
		"stats?by=sender":                            "by is topic or category or user or package",
		"stats?bucket=year":                          "bucket is day or hour",
		"stats?topic=a":                              `parameter \"topic\" is not known here; there are by, bucket`,
		"stats?since=1h&until=1h":                    "since is not before until",
	} {
		status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/"+request, "")
		if status != 400 || codeIn(t, body).HTTPStatus() != 400 || !strings.Contains(body, want) {
			t.Errorf("%.60s: %d %s, want %s", request, status, body, want)
		}
	}
	status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/messages", "", "Accept", "text/html")
	if status != 415 || codeIn(t, body) != fedmsg.CodeBadMediaType {
		t.Errorf("text/html: %d %s", status, body)
	}
	status, body, _ = ask(t, e.client("http"), "GET", "http://localhost/v1/messages?count=approximate", "", "Accept", ndjsonType)
	if status != 400 || !strings.Contains(body, "an export has no count") {
		t.Errorf("count of an export: %d %s", status, body)
	}
}

// TestArchiveCursorOfOtherOrder: a cursor of another order would begin anywhere.
func TestArchiveCursorOfOtherOrder(t *testing.T) {
	e := startEdge(t, func(_ *Config, d *Deps) { withArchive(t, d, sample()...) })
	_, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/messages?limit=1", "")
	p, _ := decodePage(t, 200, body)
	status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/messages?order=oldest&cursor="+url.QueryEscape(*p.Next), "")
	if status != 400 || !strings.Contains(body, "in the other order") {
		t.Errorf("%d %s", status, body)
	}
}

// TestArchiveWhereOfNobody: the node works out no expression for a reader of whom it knows nothing.
func TestArchiveWhereOfNobody(t *testing.T) {
	e := startEdge(t, func(c *Config, d *Deps) {
		c.Listen = []string{"http://0.0.0.0:1?fd=wide&topics=%23"}
		d.Listeners = map[string]net.Listener{"wide": remoteListener{mustListen(t)}}
		withArchive(t, d, sample()...)
	})
	for _, request := range []string{"messages?where=true", "messages?where=(", "latest?where=true"} {
		status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/"+request, "")
		if status != 403 || !strings.Contains(body, "readers who say who they are") {
			t.Errorf("%s: %d %s", request, status, body)
		}
	}
	if status, body, _ := ask(t, e.client("http"), "GET", "http://localhost/v1/messages?user=ann", ""); status != 200 {
		t.Errorf("%d %s", status, body)
	}
}

// TestArchiveAbsent: a node without an archive says so, and one whose archive cannot be used does not say that there is nothing.
func TestArchiveAbsent(t *testing.T) {
	none := startEdge(t, nil)
	broken := startEdge(t, func(_ *Config, d *Deps) {
		withArchive(t, d, sample()...).err = fedmsg.Errorf(fedmsg.CodeUnavailable, "the archive cannot be opened; it is tried again")
	})
	for _, request := range []string{"messages", "latest", "stats"} {
		status, body, _ := ask(t, none.client("http"), "GET", "http://localhost/v1/"+request, "")
		if status != 404 || !strings.Contains(body, "keeps no archive") {
			t.Errorf("%s: %d %s", request, status, body)
		}
		status, body, _ = ask(t, broken.client("http"), "GET", "http://localhost/v1/"+request, "")
		if status != 503 || codeIn(t, body) != fedmsg.CodeUnavailable {
			t.Errorf("%s: %d %s", request, status, body)
		}
	}
	if status, body, _ := ask(t, broken.client("http"), "GET", "http://localhost/v1/messages/never", ""); status != 503 {
		t.Errorf("a message that may be in the archive: %d %s", status, body)
	}
	if status, body, _ := ask(t, broken.client("http"), "GET", "http://localhost/v1/messages/open/1", ""); status != 200 {
		t.Errorf("a message that is in the log: %d %s", status, body)
	}
}
