package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// TestStreamWhere holds that a stream gives what meets all that it asks for: sender, signer and expression.
func TestStreamWhere(t *testing.T) {
	checkLeaks(t)
	n := startStreams(t, DefaultStreamConfig(), nil, 0)
	for i, c := range []struct{ sender, signer string }{{"uid:1000", "debian/ci"}, {"uid:10001", "debian"}, {"token:ci", "fedora/ci"}, {"uid:1", ""}, {"loopback", "debianx/a"}} {
		added := n.log.grow(fmt.Appendf(nil, `{"msg":{"n":%d,"on":%d}}`, i+1, i%2), "a.b")
		added[0].Sender, added[0].Signer = c.sender, c.signer
		n.feed.Publish(added)
	}
	for query, want := range map[string][]uint64{
		"":                                     {1, 2, 3, 4, 5},
		"sender=uid:1000":                      {1},
		"sender=uid":                           {1, 2, 4},
		"sender=uid:1000&sender=loopback":      {1, 5},
		"signer=debian":                        {1, 2},
		"signer=debian/ci":                     {1},
		"where=msg.n > 3":                      {4, 5},
		"where=msg.on == 1 and signer != \"\"": {2},
		"where=msg.n > 1&signer=debian&sender=uid":                    {2},
		"where=msg.absent.far > 1 or topic == \"a.b\" and msg.n == 3": {3},
	} {
		values, err := url.ParseQuery(strings.ReplaceAll(query, " ", "+"))
		if err != nil {
			t.Fatal(err)
		}
		values.Set("after", "0")
		values.Set("limit", fmt.Sprint(len(want)))
		r := n.open(t, values.Encode(), "Accept", ndjsonType)
		for _, seq := range want {
			r.want("message", seq)
		}
		r.end()
	}
}

func TestStreamWhereRefused(t *testing.T) {
	n := startStreams(t, DefaultStreamConfig(), nil, 0)
	for query, want := range map[string]string{
		"where=":                "expression is empty",
		"where=topik+%3D%3D+1":  "at character 1: unknown name topik",
		"where=true&where=true": "where is given 2 times",
		"sender=1000":           "is no sender; write KIND:NAME",
		"sender=uid:":           "is no sender",
		"signer=":               "is no signer",
		"signer=a/":             "is no signer",
		strings.Repeat("sender=uid:1&", 60) + strings.Repeat("signer=a&", 60): "120 topics, prefixes, senders and signers",
	} {
		resp := n.get(t, query)
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), want) {
			t.Errorf("%.50s: %s %s, want %q", query, resp.Status, body, want)
		}
	}
}

// TestStreamWhereOfNobody: the node works out no expression for a reader of whom it knows nothing, not even whether it is one.
func TestStreamWhereOfNobody(t *testing.T) {
	n := startStreams(t, DefaultStreamConfig(), nil, 0)
	n.sender = fedmsg.Sender{}
	for _, query := range []string{"where=true", "where=(", "topic=a&where="} {
		resp := n.get(t, query)
		if resp.StatusCode == http.StatusOK {
			_ = resp.Body.Close()
			t.Errorf("%s: %s", query, resp.Status)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusForbidden || !strings.Contains(string(body), "who say who they are") {
			t.Errorf("%s: %s %s", query, resp.Status, body)
		}
	}
	resp := n.get(t, "topic=a")
	if resp.StatusCode != http.StatusOK {
		t.Errorf("without where: %s", resp.Status)
	}
	_ = resp.Body.Close()
}

// TestStreamWhereOutOfScope: an expression is not asked of what its reader may not have.
func TestStreamWhereOutOfScope(t *testing.T) {
	checkLeaks(t)
	scope, err := fedmsg.ParsePattern("open.#")
	if err != nil {
		t.Fatal(err)
	}
	n := startStreams(t, DefaultStreamConfig(), []fedmsg.Pattern{scope}, 0)
	n.publish("secret.a", "open.a", "secret.b", "open.b")
	r := n.open(t, "after=0&limit=2&where=true&sender=uid", "Accept", ndjsonType)
	r.want("message", 2)
	r.want("message", 4)
	r.end()
}

// TestStreamWhereBounded: the expressions of all open streams together are bounded, and those of closed ones count no more.
func TestStreamWhereBounded(t *testing.T) {
	checkLeaks(t)
	cfg := DefaultStreamConfig()
	cfg.Heartbeat = 100 * time.Millisecond // by which it is noticed who has left
	n := startStreams(t, cfg, nil, 0)
	query := "where=" + url.QueryEscape(`topic != "`+strings.Repeat("x", 4000)+`"`)
	var open []*streamReader
	for i := 0; ; i++ {
		resp := n.get(t, query)
		if resp.StatusCode == http.StatusServiceUnavailable {
			break
		}
		open = append(open, &streamReader{t: t, resp: resp})
		if i > 300 {
			t.Fatal("there is no bound")
		}
	}
	if len(open) < 200 {
		t.Errorf("only %d streams", len(open))
	}
	if resp := n.get(t, "topic=a"); resp.StatusCode != http.StatusOK {
		t.Errorf("without where: %s", resp.Status)
	} else {
		_ = resp.Body.Close()
	}
	for _, r := range open {
		_ = r.resp.Body.Close()
	}
	n.waitOpen(t, 0)
	if n.streams.where != 0 {
		t.Errorf("%d bytes of expressions are held", n.streams.where)
	}
}
