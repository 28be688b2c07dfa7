package filter

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/facts"
)

// String writes a need as short as it can be read.
func (n Need) String() string {
	parts := make([]string, len(n.Parts))
	for i, p := range n.Parts {
		parts[i] = p.String()
	}
	switch n.Kind {
	case NeedAny:
		return "any"
	case NeedAll:
		return "(" + strings.Join(parts, " & ") + ")"
	case NeedOne:
		return "(" + strings.Join(parts, " | ") + ")"
	case NeedWords:
		return "words:" + strings.Join(n.Words, ",")
	case NeedWordsOrMore:
		return "said:" + strings.Join(n.Words, ",")
	case NeedTime:
		var from, to string
		if !n.Since.IsZero() {
			from = n.Since.Format("0102")
		}
		if !n.Until.IsZero() {
			to = n.Until.Format("0102.000000")
		}
		return from + ".." + to
	}
	names := map[NeedKind]string{
		NeedTopic: "topic", NeedPrefix: "prefix", NeedCategory: "category", NeedUser: "user", NeedPackage: "package", NeedSender: "sender",
		NeedSigner: "signer", NeedSeverity: "severity", NeedID: "id",
	}
	return names[n.Kind] + ":" + n.Text
}

// TestNeeds says of expressions what an index can find their entries by.
func TestNeeds(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`true`: "any", `not (topic == "a")`: "any", `topic != "a"`: "any", `topic == "a"`: "topic:a", `"a" == topic`: "topic:a", `topic in ["a","b"]`: "(topic:a | topic:b)",
		`topic == "a" or topic == "b" or id == "c"`: "(topic:a | topic:b | id:c)", `topic == "a" or verdict == "ok"`: "any", `topic == "a" and verdict == "ok"`: "topic:a",
		`topic startsWith "org." and "x" in users`: "(prefix:org. & user:x)", `category == "bts" and severity in ["error","warning"]`: "(category:bts & (severity:error | severity:warning))",
		`severity == ""`: "any", `severity != "debug"`: "any", `any(users, # == "x")`: "user:x", `any(packages, # in ["x","y"])`: "(package:x | package:y)", `all(users, # == "x")`: "any",
		`none(users, # == "x")`: "any", `users[0] == "x"`: "user:x", `count(users, # == "x") > 0`: "any", `one(packages, # == "x")`: "package:x",
		`sender == "uid:1000"`: "sender:uid:1000", `sender startsWith "uid:10"`: "sender:uid", `sender startsWith "uid"`: "any", `signer startsWith "a/b"`: "signer:a", `signer == "a"`: "signer:a",
		`text("Two words")`: "words:two,words", `text("a") or text("b")`: "(words:a | words:b)",
		`msg.bug.severity == "serious"`: "said:bug,serious,severity", `msg.n > 2`: "said:n", `msg.n == 2 and msg.t contains "x"`: "said:n,t", `msg.n != 2`: "any", `msg.a == nil`: "any", `msg.a == msg.b`: "any",
		`msg["a.b"] == "Café"`: "said:a,b,café", `msg.tags[0] == "x"`: "said:tags,x", `headers.k == "v"`: "said:k,v", `msg.flag`: "said:flag", `msg.flag == true`: "said:flag", `not msg.flag`: "any",
		`"a" in msg.tags`: "said:a,tags", `msg.x in ["a", "b"]`: "(said:a,x | said:b,x)", `msg.x in ["a", nil]`: "any", `msg.x in msg.y`: "said:y", `msg.x == -1`: "said:x", `lower(msg.x) == "a"`: "said:x", `len(msg.x) > 1`: "said:x",
		`any(msg.commits, any(.files, # startsWith "debian/rules"))`: "said:commits,debian,files", `any(msg.commits, .n == "x")`: "said:commits,n,x", `any(["a"], # == "a")`: "any",
		`any([["a"]], any(#, # == "a"))`: "any", `any([["a"]][0], # == "a")`: "any", `any([msg.a], # == "x")`: "any", `any([msg.a], #.b == "x")`: "said:b,x", `any(msg.a, any(#[0], # == "x"))`: "said:a,x", `all(msg.l, # == "x")`: "said:l",
		`msg.t contains "a whole b"`: "said:t,whole", `msg.t contains "whole"`: "said:t", `msg.t startsWith "one tw"`: "said:one,t", `msg.t endsWith "ne two"`: "said:t,two", `msg.t endsWith "two"`: "said:t", `msg.t matches "^a b c"`: "said:t",
		`received >= date("2026-01-02") and received < date("2026-02-03")`: "(0102.. & ..0203.000001)", `date("2026-01-02") < received`: "0102..", `received == date("2026-01-02")`: "0102..0102.000001", `received != date("2026-01-02")`: "any",
		`topic == "a" ? text("b") : text("c")`: "((topic:a & words:b) | words:c)", `username == "root"`: "any", `(msg.a ?? "x") == "x"`: "any", `msg.a + 1 > 2`: "said:a", `msg?.a?.b == "c"`: "said:a,b,c",
	} {
		if got := where(t, source).Needs().String(); got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
}

// met reports whether an entry has what is needed, worked out from the entry alone.
func (n Need) met(e *fedmsg.Entry) bool {
	f, all := facts.Of(e), func(words []string) bool {
		there := facts.Words(nil, e)
		return !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(there, w) })
	}
	switch n.Kind {
	case NeedAll:
		return !slices.ContainsFunc(n.Parts, func(p Need) bool { return !p.met(e) })
	case NeedOne:
		return slices.ContainsFunc(n.Parts, func(p Need) bool { return p.met(e) })
	case NeedTopic:
		return e.Topic == n.Text
	case NeedPrefix:
		return strings.HasPrefix(e.Topic, n.Text)
	case NeedCategory:
		return f.Category == n.Text
	case NeedUser:
		return slices.Contains(f.Users, n.Text)
	case NeedPackage:
		return slices.Contains(f.Packages, n.Text)
	case NeedSender:
		return within([]string{n.Text}, e.Sender, ':')
	case NeedSigner:
		return within([]string{n.Text}, e.Signer, '/')
	case NeedSeverity:
		return f.Severity == n.Text
	case NeedID:
		return e.ID == n.Text
	case NeedWords:
		return all(n.Words)
	case NeedWordsOrMore:
		return all(n.Words) || all([]string{facts.More})
	case NeedTime:
		return (n.Since.IsZero() || !e.Received.Before(n.Since)) && (n.Until.IsZero() || e.Received.Before(n.Until))
	}
	return true
}

// TestNeedsOfWhatIsTrue holds that an entry of which an expression is true has what that needs: else an index would hide it.
func TestNeedsOfWhatIsTrue(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	g := generator{rand.New(rand.NewPCG(seed, 1))}
	matched, narrowed := 0, 0
	for range fedmsgtest.Count(4_000, 1_000_000) {
		source := g.condition(3)
		w, err := ParseWhere(source)
		if err != nil {
			continue // headers are texts
		}
		need := w.Needs()
		for range 8 {
			e := g.entry()
			if !w.Match(e) {
				continue
			}
			matched++
			if need.Kind != NeedAny {
				narrowed++
			}
			if !need.met(e) {
				t.Fatalf("seed %d: %s is true of %s %s, received %s, which has not %s", seed, source, e.Topic, e.Envelope, e.Received, need)
			}
		}
	}
	t.Logf("%d are true, %d of them narrow", matched, narrowed)
	if matched < 5000 || narrowed < 1000 {
		t.Error("the test shows nothing")
	}
}

// generator makes expressions and entries of a small world, so that they meet.
type generator struct{ *rand.Rand }

func (g generator) pick(of ...string) string { return of[g.IntN(len(of))] }
func (g generator) word() string {
	return g.pick("a", "x", "y", "z", "X y", "y z", "x-y z", "xx yz", "é", "z é")
}
func (g generator) day() string { return fmt.Sprintf("2026-01-0%d", 1+g.IntN(4)) }

func (g generator) entry() *fedmsg.Entry {
	value := func() string {
		return g.pick(`"`+g.word()+`"`, `["`+g.word()+`","`+g.word()+`"]`, `{"a":"`+g.word()+`"}`, `[{"b":"`+g.word()+`"},[]]`, `1`, `true`, `null`, `[["x"]]`)
	}
	day, _ := time.Parse(time.DateOnly, g.day())
	return &fedmsg.Entry{
		ID: g.pick("a", "b"), Topic: g.pick("a", "a.b.c.d", "b.b.b.a"), Sender: g.pick("", "uid:1", "uid:2", "token:a"), Signer: g.pick("", "a", "a/b", "b/a/c"),
		Received: day.Add(time.Duration(g.IntN(2)) * time.Hour),
		Envelope: []byte(`{"headers":{"severity":"` + g.pick("info", "error", "") + `","users":"` + g.pick("x", "x y", "") + `"},"msg":{"a":` + value() + `,"b":` + value() +
			`,"package":"` + g.pick("x", "y", "z") + `"}}`),
	}
}

func (g generator) condition(depth int) string {
	if depth > 0 && g.IntN(3) > 0 {
		a, b := g.condition(depth-1), g.condition(depth-1)
		return g.pick(`(`+a+` and `+b+`)`, `(`+a+` or `+b+`)`, `not (`+a+`)`, `(`+a+` ? `+b+` : `+g.condition(depth-1)+`)`)
	}
	path := g.pick(`msg.a`, `msg.b`, `msg.a.a`, `msg.b[0]`, `msg.a[0].b`, `msg.c`, `headers.users`, `msg["b"]`, `msg?.a?.a`)
	name := g.pick(`topic`, `id`, `sender`, `signer`, `category`, `severity`)
	list := g.pick(`users`, `packages`, path, path, `["x",`+path+`]`, `[["x"]]`)
	item := g.pick(`# == "`+g.word()+`"`, `"a" in #`, `#.b == "`+g.word()+`"`, `any(#, # == "x")`, `any(#[0], # == "x")`, `# startsWith "`+g.word()+`"`)
	literal := g.pick(`"`+g.word()+`"`, `1`, `true`, `nil`, path, `-1`)
	texts := g.pick(`"a"`, `"b"`, `"a.b.c.d"`, `"uid:1"`, `"uid:"`, `"a/b"`, `"info"`, `"error"`, `""`)
	return g.pick(
		name+` == `+texts, texts+` == `+name, name+` startsWith `+texts, name+` in [`+texts+`, `+texts+`]`, name+` != `+texts,
		`"`+g.word()+`" in users`, `"`+g.word()+`" in packages`, `"`+g.word()+`" in `+path, `text("`+g.word()+`")`, g.pick("any", "one", "all", "none")+`(`+list+`, `+item+`)`,
		path+` == `+literal, path+` != `+literal, path+` in [`+literal+`, `+literal+`]`, path+g.pick(" contains ", " startsWith ", " endsWith ")+`"`+g.word()+`"`, path+` > `+g.pick(`0`, `"a"`),
		`(`+path+` ?? "a") == "a"`, `lower(`+path+`) == "a"`, `len(`+path+`) > 0`, `users[0] == "a"`, `received `+g.pick("<", "<=", ">", ">=", "==")+` date("`+g.day()+`")`, `date("`+g.day()+`") < received`, path,
	)
}
