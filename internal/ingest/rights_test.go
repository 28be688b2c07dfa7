package ingest

import (
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

func patterns(texts ...string) []fedmsg.Pattern {
	var ps []fedmsg.Pattern
	for _, s := range texts {
		p, err := fedmsg.ParsePattern(s)
		if err != nil {
			panic(err)
		}
		ps = append(ps, p)
	}
	return ps
}

func sender(text string) fedmsg.Sender {
	kind, name, _ := strings.Cut(text, ":")
	return fedmsg.Sender{Kind: fedmsg.SenderKind(kind), Name: name}
}

func TestRights(t *testing.T) {
	rule := func(p Publisher, topics ...string) Publisher { p.Topics = patterns(topics...); return p }
	type question struct{ from, topic, want string }
	for _, c := range []struct {
		name       string
		publishers []Publisher
		loopback   bool
		questions  []question
	}{
		{"defaults", nil, false, []question{
			{"uid:0", "a.b", "new"}, {"uid:990", "a.b", "new"}, {"uid:1001", "a.b", "new"}, {"node", "a.b", "new"},
			{"uid:1000", "a.b", "forbidden"}, {"uid:4711", "a.b", "forbidden"}, {"uid:", "a.b", "forbidden"},
			{"loopback", "a.b", "unauthenticated"}, {"", "a.b", "unauthenticated"},
			{"token:ci", "org.ci.x", "new"}, {"token:ci", "org.x", "forbidden"}, {"token:gone", "org.ci.x", "forbidden"},
			{"certificate:www", "a.b", "forbidden"}, {"certificate:", "a.b", "forbidden"}, {"strange:0", "a.b", "forbidden"},
		}},
		{"development", nil, true, []question{{"loopback", "a.b", "new"}, {"", "a.b", "unauthenticated"}, {"uid:1000", "a.b", "forbidden"}}},
		{"rules", []Publisher{
			rule(Publisher{UID: "1000"}, "a.#", "b.c"), rule(Publisher{Group: "builders"}, "build.*"), rule(Publisher{UID: "cat"}, "cat.#"),
			rule(Publisher{Curve: "www"}, "curve.#"), rule(Publisher{ZeroMQ: "www"}, "mq.#"),
			rule(Publisher{Token: "ci"}, "more.#"), rule(Publisher{Token: "gone"}, "#"), rule(Publisher{Certificate: "www"}, "web.#"),
		}, false, []question{
			{"uid:1000", "a.b", "new"}, {"uid:1000", "b.c", "new"}, {"uid:1000", "b.d", "forbidden"},
			{"uid:1002", "build.x", "new"}, {"uid:1002", "cat.x", "new"}, {"uid:1002", "build.x.y", "forbidden"},
			{"token:ci", "more.x", "new"}, {"token:ci", "org.ci.x", "new"}, {"token:ci", "a.b", "forbidden"},
			{"token:gone", "a.b", "forbidden"}, {"token:1000", "a.b", "forbidden"}, {"certificate:1000", "a.b", "forbidden"},
			{"certificate:www", "web.x", "new"}, {"certificate:www", "a.b", "forbidden"}, {"certificate:www", "curve.x", "forbidden"},
			{"curve:www", "curve.x", "new"}, {"curve:www", "mq.x", "forbidden"}, {"curve:www", "web.x", "forbidden"}, {"curve:ftp", "curve.x", "forbidden"},
			{"zeromq:www", "mq.x", "new"}, {"zeromq:www", "curve.x", "forbidden"}, {"zeromq", "mq.x", "forbidden"}, {"zeromq:1000", "a.b", "forbidden"},
			{"uid:0", "z", "new"}, {"uid:1001", "z", "new"}, {"uid:990", "z", "new"},
		}},
		{"rules in place of defaults", []Publisher{
			rule(Publisher{UID: "root"}, "root.#"), rule(Publisher{Group: "fedmsg"}, "g.#"), rule(Publisher{UID: "990"}, "own.#"),
		}, false, []question{
			{"uid:0", "root.x", "new"}, {"uid:0", "x", "forbidden"}, {"uid:1001", "g.x", "new"}, {"uid:1001", "x", "forbidden"},
			{"uid:990", "own.x", "new"}, {"uid:990", "g.x", "new"}, {"uid:990", "x", "forbidden"},
		}},
	} {
		d := newDoor(newMemLog(), func(cfg *Config) {
			cfg.Publishers, cfg.Loopback = c.publishers, c.loopback
			cfg.Tokens = func(name string) ([]fedmsg.Pattern, bool) {
				return patterns("org.ci.#"), name == "ci" || name == "1000"
			}
		})
		if err := d.c.Validate(); err != nil {
			t.Fatal(err)
		}
		for _, q := range c.questions {
			for _, line := range []string{`{"topic":"` + q.topic + `","msg":{}}`, `{"topic":"` + q.topic + `","msg":{},"msg_id":"` + q.from + q.topic + `"}`} {
				if out := acceptFrom(t, d, sender(q.from), line); word(out[0]) != q.want {
					t.Errorf("%s: %q on %s: %v, want %s", c.name, q.from, q.topic, out, q.want)
				}
			}
		}
	}
}

// TestForbiddenKnowsNothing holds that who may not publish on a topic does not learn which ids are stored.
func TestForbiddenKnowsNothing(t *testing.T) {
	d := newDoor(newMemLog(), nil)
	accept(t, d, `{"topic":"a.b","msg":{},"id":"x"}`)
	if out := acceptFrom(t, d, sender("uid:1000"), `{"topic":"a.b","msg":{},"id":"x"}`); word(out[0]) != "forbidden" {
		t.Error(out)
	}
}

// TestSpoolOwner holds that a message belongs to whom the door authenticated: the owner of a spool file, not the node that
// drains it.
func TestSpoolOwner(t *testing.T) {
	log := newMemLog()
	d := newDoor(log, nil)
	acceptFrom(t, d, sender("uid:1001"), `{"topic":"a.b","msg":{},"msg_id":"x","username":"root"}`, `{"topic":"a.b","msg":{}}`)
	for _, e := range log.all() {
		if e.Sender != "uid:1001" {
			t.Errorf("sender is %s", e.Sender)
		}
	}
	if name := parse(t, log.all()[1]).Username; *name != "ben" {
		t.Errorf("username is %s", *name)
	}
}

// TestRightsRemembered holds that accounts and tokens are asked once in a while, and a lost right is lost by then.
func TestRightsRemembered(t *testing.T) {
	now, asked, valid := start, 0, true
	d := newDoor(newMemLog(), func(c *Config) {
		c.Now = func() time.Time { return now }
		c.RightsFor = 10 * time.Second
		c.Tokens = func(string) ([]fedmsg.Pattern, bool) { asked++; return patterns("#"), valid }
	})
	try := func(want string, wantAsked int) {
		t.Helper()
		if out := acceptFrom(t, d, sender("token:ci"), `{"topic":"a.b","msg":{}}`); word(out[0]) != want || asked != wantAsked {
			t.Errorf("%v, asked %d times; want %s and %d", out, asked, want, wantAsked)
		}
	}
	try("new", 1)
	valid = false
	now = now.Add(10*time.Second - 1)
	try("new", 1)
	now = now.Add(1)
	try("forbidden", 2)
	valid = true
	now = now.Add(-time.Hour) // the clock is set back
	try("new", 3)
	for i := range maxSenders + 1 {
		d.rights.of(fedmsg.Sender{Kind: fedmsg.SenderCertificate, Name: string(rune('a' + i))}, now)
	}
	if n := len(d.rights.book); n > maxSenders {
		t.Errorf("%d senders are remembered", n)
	}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		p    Publisher
		want string
	}{
		{Publisher{Topics: patterns("#")}, "publisher 2 has 0 of the keys"},
		{Publisher{UID: "0", Token: "x", Topics: patterns("#")}, "publisher 2 has 2 of the keys"},
		{Publisher{UID: "0"}, "publisher 2 has no topics"},
		{Publisher{Curve: "x", ZeroMQ: "y", Topics: patterns("#")}, "publisher 2 has 2 of the keys"},
		{Publisher{Signer: "x", UID: "0", Topics: patterns("#")}, "publisher 2 has 2 of the keys"},
	} {
		cfg := Config{Publishers: []Publisher{{Group: "g", Topics: patterns("#")}, c.p}}
		if err := cfg.Validate(); fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.p, err)
		}
	}
}

// TestValidateAll: the faults of all rules are told at once.
func TestValidateAll(t *testing.T) {
	cfg := Config{Publishers: []Publisher{{}, {Group: "g", Topics: patterns("#")}, {Signer: "x"}}}
	err := cfg.Validate()
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{"publisher 1 has 0 of", "publisher 1 has no topics", "publisher 3 has no topics"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %q in:\n%v", want, err)
		}
	}
}

func TestSystemAccount(t *testing.T) {
	if a := SystemAccount("0"); a.Name != "root" || len(a.Groups) == 0 || a.Groups[0] == "" {
		t.Errorf("root is %+v", a)
	}
	if a := SystemAccount("4294967294"); a.Name != "" || a.Groups != nil {
		t.Errorf("nobody is %+v", a)
	}
}
