package stomp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/carry"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// TestSinkShapes shows what a program of another make gets, in each form.
func TestSinkShapes(t *testing.T) {
	t.Parallel()
	a := activeMQ(t)
	const headers = `,"headers":{"CI_TYPE":"brew:\n\\é😀","expires":"1","destination":"/queue/stolen","AMQ_SCHEDULED_DELAY":"999999","long":"LONG"}`
	long := strings.Repeat("x", maxValue)
	for _, c := range []struct{ form, as, topic string }{
		{"envelope", "bytes", "org.example.x"}, {"body", "bytes", "org.example.x"}, {"body", "text", "org.example.x"}, {"envelope", "text", "org.>,x.é"},
	} {
		name := c.form + c.as
		taken1 := consume(t, a.server.STOMP, "/queue/Consumer.c.VirtualTopic."+name+".>")
		stolen := consume(t, a.server.STOMP, "/queue/stolen")
		m := newMemory()
		set := deliverTo(t, m, deliver.Config{To: fmt.Sprintf("stomp://%s/?destination=/topic/VirtualTopic.%s.{topic}&format=%s&as=%s", a.server.STOMP, name, c.form, c.as)})
		e := m.say(c.topic, `{"é":"😀 \\ : \u0001"}`, strings.Replace(headers, "LONG", long, 1))
		if d := fate(t, set, e); d.State != fedmsg.DeliveryDelivered {
			t.Fatal(d)
		}
		await(t, "it has come", func() bool { return len(taken1.taken(t)) == 1 })
		got := taken1.taken(t)[0]
		want := e.Envelope
		if c.form == "body" {
			want = []byte(`{"é":"😀 \\ : \u0001"}`)
			whole := append(append(got.carried(t, carry.HeaderHead), got.Body...), got.carried(t, carry.HeaderTail)...)
			if !bytes.Equal(whole, e.Envelope) {
				t.Errorf("%s: the headers and the body make\n%s, want\n%s", name, whole, e.Envelope)
			}
		}
		if !bytes.Equal(got.Body, want) {
			t.Errorf("%s: the body is\n%s, want\n%s", name, got.Body, want)
		}
		for h, want := range map[string]string{
			"CI_TYPE": "brew:\n\\é😀", "content-type": "application/json", "persistent": "true", "expires": "0", "fedmsg-id": e.ID,
			"AMQ_SCHEDULED_DELAY": "", "long": "", "fedmsg-origin": e.Position.String(),
		} {
			if got.Headers[h] != want {
				t.Errorf("%s: the header %s is %q, want %q", name, h, got.Headers[h], want)
			}
		}
		if topic, told := got.topic("."+name+"."), got.Headers[carry.HeaderTopic]; topic != safe(c.topic) || told != "" && told != c.topic || told == "" && topic != c.topic {
			t.Errorf("%s: it came on %q, with the header %q", name, topic, told)
		}
		if n := len(stolen.taken(t)); n > 0 {
			t.Errorf("%s: %d came where a header of the publisher says", name, n)
		}
	}
}

// TestSelectors has two programs select by what publishers wrote into their messages' headers, as on Red Hat's bus.
func TestSelectors(t *testing.T) {
	t.Parallel()
	a := activeMQ(t)
	brew := consume(t, a.server.STOMP, "/queue/Consumer.brew.VirtualTopic.sel.>", "selector=CI_TYPE = 'brew-task' AND team LIKE 'e%'")
	all := consume(t, a.server.STOMP, "/queue/Consumer.all.VirtualTopic.sel.>")
	m := newMemory()
	set := deliverTo(t, m, deliver.Config{To: "stomp://" + a.server.STOMP + "/?destination=/topic/VirtualTopic.sel.{topic}&format=body"})
	var last *fedmsg.Entry
	for i := range 40 {
		kind := []string{"brew-task", "tier-1"}[i%2]
		last = m.say("ci.x", fmt.Sprintf(`{"i":%d}`, i), `,"headers":{"CI_TYPE":"`+kind+`","team":"eng"}`)
	}
	fate(t, set, last)
	await(t, "all have come", func() bool { return len(all.taken(t)) == 40 && len(brew.taken(t)) >= 20 })
	if got := brew.taken(t); len(got) != 20 {
		t.Errorf("%d came to who selects 20", len(got))
	}
	for i, got := range brew.taken(t) {
		if want := fmt.Sprintf(`{"i":%d}`, 2*i); string(got.Body) != want || got.Headers["CI_TYPE"] != "brew-task" {
			t.Errorf("selected %s with %s, want %s", got.Body, got.Headers["CI_TYPE"], want)
		}
	}
}

// TestLossy delivers what has more around its body than headers take, and says so.
func TestLossy(t *testing.T) {
	t.Parallel()
	a := activeMQ(t)
	c := consume(t, a.server.STOMP, "/queue/lossy")
	m := newMemory()
	set := deliverTo(t, m, deliver.Config{To: "stomp://" + a.server.STOMP + "/?destination=/queue/lossy&format=body"})
	for _, size := range []int{maxOurs, maxOurs - 600, maxOurs} {
		lossy := size == maxOurs
		e := m.say("org.x", `{}`, `,"pad":"`+strings.Repeat("\\", size)+`"`) // each is two bytes to the server
		d := fate(t, set, e)
		if d.State != fedmsg.DeliveryDelivered || !lossy && d.Reason != "" {
			t.Errorf("%d bytes around the body: %+v", size, d)
		}
		await(t, "what was left out is told of", func() bool { return !lossy || strings.Contains(set.Deliveries(e)[0].Reason, "it was sent without") })
		await(t, "it has come", func() bool {
			got := c.taken(t)
			return len(got) > 0 && got[len(got)-1].Headers["fedmsg-id"] == e.ID && got[len(got)-1].Headers["fedmsg-topic"] == e.Topic
		})
	}
}

// TestRefusedEntry has a server refuse one topic: those before and behind it arrive, and the refused one lies with the dead letters
// with what the server said.
func TestRefusedEntry(t *testing.T) {
	t.Parallel()
	a := activeMQ(t)
	c := consume(t, a.server.STOMP, "/topic/open.>")
	m := newMemory()
	var closed *fedmsg.Entry
	for i := range 30 {
		if i == 15 {
			closed = m.say("closed.x", `{}`, "")
		}
		m.say("open.x", fmt.Sprintf(`{"i":%d}`, i), "")
	}
	set := deliverTo(t, m, deliver.Config{To: "stomp://" + a.server.STOMP, Attempts: 3, RetryFirst: time.Millisecond, RetryMax: 10 * time.Millisecond})
	if d := fate(t, set, closed); d.State != fedmsg.DeliveryDead || !strings.Contains(d.Reason, "not authorized to write to: topic://closed.x") {
		t.Errorf("the refused one is %+v", d)
	}
	fate(t, set, m.all[len(m.all)-1])
	seen := map[string]bool{}
	await(t, "the others have come", func() bool {
		for _, got := range c.taken(t) {
			seen[string(got.Headers["fedmsg-id"])] = true
		}
		return len(seen) == 30
	})
}

// TestLogins tries who may come in, with TLS and without.
func TestLogins(t *testing.T) {
	t.Parallel()
	a := activeMQ(t)
	other, err := fedmsgtest.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	plain := "stomp://" + a.server.STOMP
	secure := "stomp+tls://localhost:" + a.server.TLSAddr[strings.LastIndexByte(a.server.TLSAddr, ':')+1:]
	right, wrong := secret(t, `ralph:back\nslash:colon`), secret(t, "ralph:wrong")
	for _, c := range []struct {
		name string
		c    deliver.Config
		want string // of the last error; empty delivers
	}{
		{"a password with what other headers escape", deliver.Config{To: plain, Credentials: right}, ""},
		{"a wrong one", deliver.Config{To: plain, Credentials: wrong}, "does not let this node in: the server says"},
		{"with TLS", deliver.Config{To: secure, Credentials: right, CA: a.authority.File}, ""},
		{"with another authority", deliver.Config{To: secure, Credentials: right, CA: other.File}, "no TLS with"},
		{"with the authorities of the system", deliver.Config{To: secure, Credentials: right}, "no TLS with"},
	} {
		m := newMemory()
		c.c.To += "/?destination=/topic/closed.{topic}"
		c.c.RetryFirst, c.c.RetryMax = time.Millisecond, 10*time.Millisecond
		set := deliverTo(t, m, c.c)
		e := m.say("x", `{}`, "")
		if c.want == "" {
			if d := fate(t, set, e); d.State != fedmsg.DeliveryDelivered {
				t.Errorf("%s: %+v", c.name, d)
			}
			continue
		}
		await(t, c.name, func() bool { return strings.Contains(set.List()[0].LastError, c.want) })
		if text := set.List()[0].LastError; strings.Contains(text, "wrong") || strings.Contains(text, "slash") {
			t.Errorf("%s: the error has the password: %s", c.name, text)
		}
	}
}
