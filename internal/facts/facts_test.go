package facts

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// entry is one with the headers and body.
func entry(headers, msg string) *fedmsg.Entry {
	return &fedmsg.Entry{Topic: "org.debian.prod.bts.bug.close", Envelope: []byte(`{"headers":` + headers + `,"i":1,"msg":` + msg + `,"username":"apache"}`)}
}

// TestNames holds which users and packages a message names.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, headers, msg, users, packages string }{
		{"nothing", `{}`, `{}`, "", ""},
		{"plain", `{}`, `{"user":"ralph","package":"gdb"}`, "ralph", "gdb"},
		{"case and dashes", `{}`, `{"Changed-By":"Ann Lee <ann@debian.org>","Source":"apt"}`, "ann@debian.org", "apt"},
		{"several, sorted, each once", `{}`, `{"owner":"b","x":{"author":"a","agent":"b"}}`, "a b", ""},
		{"lists", `{}`, `{"users":["b","a"],"packages":["x","y"],"maintainer":["c"]}`, "a b c", "x y"},
		{"list in a text", `{}`, `{"users":"a, b c","uploaders":"A B <a@b.c>, D <d@e.f>","packages":"x,y"}`, "a a@b.c b c d@e.f", "x y"},
		{"objects with a name", `{}`, `{"user":{"name":"a","fullname":"A B"},"package":{"name":"gdb","summary":"debugger"}}`, "a", "gdb"},
		{"list of objects", `{}`, `{"users":[{"name":"a","role":"admin"}],"packages":[{"package_name":"x","name":"other"}]}`, "a", "x"},
		{"a better name", `{}`, `{"user":{"name":"A","username":"ann"}}`, "ann", ""},
		{"persons", `{}`, `{"person":{"name":"Ann","email":"ann@debian.org"},"closed":{"person":{"name":"Bob"}}}`, "ann@debian.org", ""},
		{"objects with an address", `{}`, `{"author":{"name":"Ann Lee","email":"a@b.c"},"pusher":{"name":"bob","email":"d@e.f"},"reporter":{"email":"g@h.i","login":"carl"}}`, "a@b.c bob carl", ""},
		{"names as keys", `{}`, `{"attendees":{"a":3,"b":1},"packages":{"x":{"tag":"y"}}}`, "a b", "x"},
		{"names as values", `{}`, `{"fas_usernames":{"ralphbean":"ralph"}}`, "ralph", ""},
		{"builds", `{}`, `{"nvr":"gdb-8.1-2.fc28","srpm":"/tmp/apt-utils-1:2-3.src.rpm","build":{"name":"bash","version":"5","release":"1"}}`, "", "apt-utils bash gdb"},
		{"an epoch in front", `{}`, `{"nvr":"2:gdb-8.1-2"}`, "", "gdb"},
		{"a name alone is none", `{}`, `{"name":"x","version":"1"}`, "", ""},
		{"no names", `{}`, `{"user":"Ann Lee","owner":"http://a.b/c","author":"","agent":null,"nick":7,"nvr":"a-b","package":"two words","pkg":"None"}`, "", ""},
		{"no letters but others", `{}`, `{"user":"andré","owner":"-x","author":"a\u0000b"}`, "andré", ""},
		{"escaped", `{}`, `{"\u0075ser":"x","user":"\u0061"}`, "a", ""},
		{"headers", `{"users":"a b","packages":"x, y","user":"c"}`, `{}`, "a b c", "x y"},
		{"headers of fedora-messaging", `{"fedora_messaging_user_ralph":"true","fedora_messaging_user_x_y":true,"fedora_messaging_rpm_gdb":"true","fedora_messaging_group_z":"true"}`, `{}`, "ralph x_y", "gdb"},
		{"folded by a source", `{"fedmsg_index_user_1":"a b","fedmsg_index_rpm_2":"x y","fedmsg_index_module_1":"z"}`, `{}`, "a b", "x y"},
		{"body is a list", `{}`, `[{"user":"a"}]`, "a", ""},
		{"body is a text", `{}`, `"user"`, "", ""},
		{"deep", `{}`, `{"a":` + strings.Repeat("[", 200) + `{"user":"below"}` + strings.Repeat("]", 200) + `,"user":"above"}`, "above", ""},
	} {
		got := Of(entry(c.headers, c.msg))
		want := Facts{Category: "bts", Users: list(c.users), Packages: list(c.packages)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Fields(s)
}

// TestRedacted holds that nothing but the category is known of an entry without its envelope.
func TestRedacted(t *testing.T) {
	t.Parallel()
	e := &fedmsg.Entry{Topic: "a.b.c.d"}
	if diff := cmp.Diff(Facts{Category: "d"}, Of(e)); diff != "" {
		t.Error(diff)
	}
}

// TestCategory holds it to the old archive's.
func TestCategory(t *testing.T) {
	t.Parallel()
	for topic, want := range map[string]string{
		"org.debian.prod.bts.bug.close": "bts", "org.debian.prod.bts": "bts", "org.debian.prod": Unclassified, "": Unclassified, "x": Unclassified,
		"/topic/VirtualTopic.eng.brew.task.closed": "brew", "VirtualTopic.eng": Unclassified, "a.b.c.": "",
	} {
		if got := Category(topic); got != want {
			t.Errorf("%q: %q, want %q", topic, got, want)
		}
	}
}

// TestSeverity holds how severe a message is, as its headers say.
func TestSeverity(t *testing.T) {
	t.Parallel()
	for headers, want := range map[string]string{
		`{}`: "", `null`: "", `{"fedora_messaging_severity":"10"}`: Debug, `{"fedora_messaging_severity":20}`: Info, `{"fedora_messaging_severity":"30"}`: Warning,
		`{"fedora_messaging_severity":40}`: Error, `{"fedora_messaging_severity":"50"}`: Error, `{"fedora_messaging_severity":"0"}`: "", `{"severity":"WARNING"}`: Warning,
		`{"severity":"error","fedora_messaging_severity":"20"}`: Info, `{"fedora_messaging_severity":"20","severity":"error"}`: Info, `{"severity":"grave"}`: "",
		`{"severity":{"a":1}}`: "",
	} {
		if got := Of(entry(headers, `{"severity":"error"}`)).Severity; got != want {
			t.Errorf("%s: %q, want %q", headers, got, want)
		}
	}
}

// TestMostNames holds that no message is found by more than its share.
func TestMostNames(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, `"u%d",`, i)
	}
	got := Of(entry(`{}`, `{"users":[`+b.String()+`"last"],"packages":[`+b.String()+`"last"]}`))
	if len(got.Users) != MaxNames || len(got.Packages) != MaxNames {
		t.Errorf("%d users, %d packages", len(got.Users), len(got.Packages))
	}
}

// TestMutated holds that envelopes that are no JSON do no harm.
func TestMutated(t *testing.T) {
	t.Parallel()
	good := entry(`{"users":"a b","severity":"info"}`, `{"user":{"name":"a"},"packages":["x",{"name":"y\u00e9"}],"attendees":{"b":1},"nvr":"a-b-c","n":-1.5}`).Envelope
	rnd := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for range fedmsgtest.Count(20_000, 1_000_000) {
		b := []byte(string(good))
		for range 1 + rnd.IntN(3) {
			const signs = `{}[]",:\0`
			b[rnd.IntN(len(b))] = signs[rnd.IntN(len(signs))]
		}
		if rnd.IntN(4) == 0 {
			b = b[:rnd.IntN(len(b))]
		}
		e := &fedmsg.Entry{Envelope: b}
		Of(e)
		Words(nil, e)
	}
}

// TestLargest holds that the largest message takes no longer than its bytes do.
func TestLargest(t *testing.T) {
	t.Parallel()
	for name, msg := range map[string]string{
		"nested":  strings.Repeat(`{"user":[`, 60_000) + strings.Repeat(`]}`, 60_000),
		"names":   `{"users":[` + strings.Repeat(`"abc",`, 150_000) + `"x"]}`,
		"escapes": `{"user":"` + strings.Repeat(`\u00e9`, 150_000) + `"}`,
		"marks":   `{"user":"` + strings.Repeat("\u0301", 400_000) + `"}`,
		"forms":   `{"user":"` + strings.Repeat("\ufdfa", 300_000) + `"}`,
		"words":   `{"a":"` + strings.Repeat("a b1 ", 200_000) + `"}`,
		"a word":  `{"a":"` + strings.Repeat("a", 1_000_000) + `"}`,
	} {
		e := entry(`{}`, msg)
		begin := time.Now()
		Of(e)
		words := Words(nil, e)
		if took := time.Since(begin); took > 3*time.Second { // some 50 ms where nothing else runs
			t.Errorf("%s: took %v", name, took)
		} else {
			t.Logf("%s: %v, %d words", name, took, len(words))
		}
	}
}

func BenchmarkOf(b *testing.B) {
	e := entry(`{"fedora_messaging_severity":"20"}`, `{"bug":{"owner":"ralph","number":1234,"title":"`+strings.Repeat("some words here ", 40)+`"},"package":{"name":"gdb"}}`)
	b.SetBytes(int64(len(e.Envelope)))
	b.ReportAllocs()
	for b.Loop() {
		Of(e)
	}
}
