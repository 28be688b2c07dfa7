package process

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// on is a message on a topic of its own, whose id tells which.
func on(kind string, n int) []byte {
	return fmt.Appendf(nil, `{"topic":"org.example.dev.%s.thing.make","id":"%s-%d","msg":{"n":%d}}`, kind, kind, n, n)
}

// kinds gives how many entries there are of each kind.
func kinds(entries []fedmsg.Entry) map[string]int {
	all := map[string]int{}
	for _, e := range entries {
		kind, _, _ := strings.Cut(e.ID, "-")
		all[kind]++
	}
	return all
}

// dead gives the dead letters of all sinks and sources of a node.
func (p *peers) dead(name string) []deadletter.Letter {
	p.t.Helper()
	var answer struct{ Dead []deadletter.Letter }
	p.get(name, "/v1/dead", &answer)
	return answer.Dead
}

// token makes a token of a node, which the node need not know yet: whoever shows it tries again.
func (p *peers) token(name string, args ...string) string {
	p.t.Helper()
	c := p.nodes[name].Command(nil, append([]string{"token", "new"}, args...)...)
	c.Env = append(c.Env, "FEDMSG_STATE="+p.nodes[name].State)
	r, err := c.Run()
	if err != nil || r.Status != 0 {
		p.t.Fatalf("token new: %v %s", err, r)
	}
	return secretIn(r.Stdout)
}

// TestPeerFromBehindFirewall has a host that nobody can reach, whose node pushes out over HTTPS and follows from there too, known
// by a token or by a certificate. Each end holds to its topics: the sink gives no other, the node outside takes no other, and gives
// no other; the source asks for no other. The node outside is killed and comes back.
func TestPeerFromBehindFirewall(t *testing.T) {
	t.Parallel()
	authority, err := fedmsgtest.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server, client := authority.IssueFor(t, "outer.example.org"), authority.IssueFor(t, "inner.example.org")
	for _, way := range []string{"token", "certificate"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			address := net.JoinHostPort("127.0.0.1", fedmsgtest.FreePort())
			var p *peers
			p = newPeers(t, []string{"inner", "outer"}, func(name string) string {
				if name == "outer" {
					if way == "token" {
						return ""
					}
					return "[[publisher]]\ncertificate = \"inner.example.org\"\ntopics = [\"org.example.dev.inner.#\"]\n"
				}
				who := fmt.Sprintf("ca = %q\nretry_max = \"1s\"\n", authority.File)
				if way == "token" {
					token := p.token("outer", "inner", "--publish", "org.example.dev.inner.#", "--read", "org.example.dev.outer.#")
					who += fmt.Sprintf("credentials = %q\n", p.write("token", token+"\n"))
				} else {
					who += fmt.Sprintf("certificate = %q\nkey = %q\n", client.Certificate, client.Key)
				}
				return fmt.Sprintf("[[sink]]\nname = \"out\"\nto = \"https://%s\"\nstart = \"beginning\"\ntopics = [\"org.example.dev.inner.#\", \"org.example.dev.refused.#\"]\n%s"+
					"[[source]]\nname = \"in\"\nfrom = \"https://%s\"\ntopics = [\"org.example.dev.outer.thing.#\", \"org.example.dev.secret.#\"]\n%s", address, who, address, who)
			})
			p.listen["outer"] = fmt.Sprintf("https://%s?cert=%s&key=%s&replaying=allow", address, server.Certificate, server.Key)
			if way == "certificate" { // who has one may read what all may
				p.listen["outer"] += "&client_ca=" + authority.File + "&topics=org.example.dev.outer.%23"
			} else {
				p.listen["outer"] += "&topics=org.example.dev.nothing.%23" // and who has a token, that beside
			}
			p.start("outer")
			p.start("inner")
			publish := func(node string, round int, kinds ...string) {
				for _, kind := range kinds {
					if _, err := p.nodes[node].Publish(t.Context(), on(kind, round)); err != nil {
						t.Fatal(err)
					}
				}
			}
			for round := range 3 {
				publish("inner", round, "private", "refused", "inner")
				publish("outer", round, "secret", "outer", "outer.unasked", "elsewhere")
				p.await("inner", 4*(round+1))
				p.await("outer", 5*(round+1))
				if round == 0 {
					p.nodes["outer"].Kill9()
					p.start("outer")
				}
			}
			holdKinds(t, "inner", p.nodes["inner"].ReadAll(t), map[string]int{"private": 3, "refused": 3, "inner": 3, "outer": 3})
			holdKinds(t, "outer", p.nodes["outer"].ReadAll(t), map[string]int{"secret": 3, "elsewhere": 3, "outer": 3, "outer.unasked": 3, "inner": 3})
			letters := p.dead("inner")
			for _, l := range letters {
				if l.Code != fedmsg.CodeForbidden || !strings.HasPrefix(l.ID, "refused-") || l.Kind != deadletter.KindSink || l.Attempts != 1 {
					t.Errorf("a dead letter is %+v", l)
				}
			}
			if len(letters) != 3 || len(p.dead("outer")) != 0 {
				t.Errorf("there are %d dead letters inside and %d outside, want 3 and none", len(letters), len(p.dead("outer")))
			}
		})
	}
}

func holdKinds(t *testing.T, where string, entries []fedmsg.Entry, want map[string]int) {
	t.Helper()
	got := kinds(entries)
	for kind := range got {
		if got[kind] != want[kind] {
			t.Errorf("%s has %d messages of %s, want %d", where, got[kind], kind, want[kind])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s has messages of %v, want %v", where, got, want)
	}
}

// TestPeerJudgedByAge has signed messages that waited two hours, and a destination whose endpoint takes none so old: the sink waits
// and says what the operator of the other node must do, and gives up no more than the one entry that it suspected. When it is
// done, they arrive.
func TestPeerJudgedByAge(t *testing.T) {
	t.Parallel()
	k := newTrustKit(t)
	address := net.JoinHostPort("127.0.0.1", fedmsgtest.FreePort())
	var p *peers
	p = newPeers(t, []string{"a", "b"}, func(name string) string {
		if name == "b" {
			return k.config()
		}
		token := p.write("token", p.token("b", "a", "--publish", "#")+"\n")
		return fmt.Sprintf("[[sink]]\nname = \"b\"\nto = \"http://%s\"\nstart = \"beginning\"\ntopics = [\"#\"]\ncredentials = %q\nretry_first = \"10ms\"\nretry_max = \"50ms\"\n", address, token) + k.config()
	})
	p.listen["b"] = "http://" + address
	p.start("b", "a")
	for i := range 3 {
		line, _ := k.message(t, verdictRow{form: "dsse", kind: "stale"}, fmt.Sprintf("late-%d", i))
		p.post("a", "/v1/messages?replaying=1", line)
	}
	p.until("the sink says what is to be done", func() bool {
		s := p.sinks("a")[0]
		return s.State == deliver.StateWaiting && strings.Contains(s.LastError, "replaying=allow") && s.Retried > 20
	})
	if n := p.nodes["b"].Log(t).Last; n != 0 {
		t.Errorf("the other node has %d messages", n)
	}
	letters := p.dead("a")
	if len(letters) > 1 {
		t.Errorf("%d entries were given up for what the endpoint does", len(letters))
	}

	p.nodes["b"].Stop(t)
	delete(p.nodes, "b")
	p.listen["b"] = "http://" + address + "?replaying=allow"
	p.start("b")
	p.await("b", 3-len(letters))
	for _, l := range letters {
		p.post("a", fmt.Sprintf("/v1/dead/sink/b/%d/retry", l.Number), nil)
	}
	holdKinds(t, "b", p.await("b", 3), map[string]int{"late": 3})
}

// post sends a request to a node, which must answer that it is well.
func (p *peers) post(name, path string, body []byte) {
	p.t.Helper()
	resp, err := p.nodes[name].HTTP.Post("http://localhost"+path, "application/json", bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
		p.t.Fatalf("POST %s at %s: status %d: %s", path, name, resp.StatusCode, text)
	}
}

// TestPeerFollowsTheDishonest has a node that follows somebody who gives more than is asked for: entries on other topics, with
// other bytes than were signed, under ids that are taken, with a signer and a verdict that nobody found. What is right comes
// through, and nothing else.
func TestPeerFollowsTheDishonest(t *testing.T) {
	t.Parallel()
	upstream := newPeers(t, []string{"a"}, func(string) string { return "" })
	upstream.start()
	for i, kind := range []string{"outer", "secret", "outer", "outer", "outer"} {
		if _, err := upstream.nodes["a"].Publish(t.Context(), on(kind, i)); err != nil {
			t.Fatal(err)
		}
	}
	honest := upstream.await("a", 5)
	lie := func(e fedmsg.Entry, old, new string) fedmsg.Entry {
		e.Envelope = bytes.Replace(e.Envelope, []byte(old), []byte(new), 1)
		return e
	}
	given := []fedmsg.Entry{
		honest[0],
		honest[1],
		lie(honest[1], "org.example.dev.secret.", "org.example.dev.outer."),
		lie(honest[2], `"n":2`, `"n":7`),
		lie(honest[0], `"n":0`, `"n":7`),
		honest[3], // under the topic of another
		honest[4],
	}
	given[5].Topic = "org.example.dev.outer.another.make"
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := range given {
			given[i].Position.Seq = uint64(i + 1)
			w.Write(append(given[i].AppendJSON(nil), '\n'))
		}
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(fake.Close)
	p := newPeers(t, []string{"b"}, func(string) string {
		return fmt.Sprintf("[[source]]\nname = \"in\"\nfrom = %q\ntopics = [\"org.example.dev.outer.#\"]\n[[trust]]\nname = \"a\"\nkeys = [%q]\ntopics = [\"#\"]\n",
			fake.URL, upstream.path("a.pub"))
	})
	p.start()
	p.until("all was judged", func() bool {
		s := p.sources("b")[0]
		return s.Received == uint64(len(given)) && s.InFlight == 0
	})
	var codes []string
	for _, l := range p.dead("b") {
		codes = append(codes, string(l.Code))
	}
	if want := []string{"forbidden", "bad_topic", "bad_signature", "bad_signature", "bad_topic"}; !slices.Equal(codes, want) {
		t.Errorf("the dead letters are %q, want %q", codes, want)
	}
	var ids []string
	for _, e := range p.nodes["b"].ReadAll(t) {
		ids = append(ids, e.ID+" "+string(e.Verdict))
	}
	if want := []string{"outer-0 ok", "outer-4 ok"}; !slices.Equal(ids, want) {
		t.Errorf("the log has %q, want %q", ids, want)
	}
}
