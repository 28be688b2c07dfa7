package filter

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

const body = `{"bug":{"severity":"serious","number":12345678901234567,"tags":["a","b\u00e9","\"q\""],"closed":false},` +
	` "n" : 3, "x":-1.5e3, "nothing":null, "empty":{}, "none":[], "commits":[{"files":["debian/rules","src/a.c"],"n":1},{"files":[],"n":2}],` +
	`"a.b":"dotted","k\u00e9y":"escaped key","text":"Hello World","deep":[[1,2],[3]],"nan":NaN,"in":"word"}`

func whereEntry() *fedmsg.Entry {
	return &fedmsg.Entry{
		Position: fedmsg.Position{Log: "abcdefghijkl", Seq: 1}, Received: time.Date(2026, 1, 31, 12, 0, 0, 5000, time.UTC), ID: "2026-1", Topic: "org.debian.prod.bts.bug.close",
		Sender: "uid:1000", Signer: "debian/ci", Verdict: fedmsg.VerdictUnsigned,
		Envelope: []byte(`{"i":1,"headers":{"fedora_messaging_severity":"20","x-y":"z","users":"ann"},"msg":` + body + `,"username":"ro\u006ft","topic":"org.debian.prod.bts.bug.close"}`),
	}
}

func where(t testing.TB, source string) *Where {
	t.Helper()
	w, err := ParseWhere(source)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return w
}

// TestWhere says of each expression whether it is true of one entry.
func TestWhere(t *testing.T) {
	t.Parallel()
	e := whereEntry()
	for source, want := range map[string]bool{
		// names
		`topic == "org.debian.prod.bts.bug.close"`: true, `topic startsWith "org.debian."`: true, `topic startsWith "org.fedora."`: false,
		`id == "2026-1"`: true, `sender == "uid:1000"`: true, `signer startsWith "debian/"`: true, `verdict == "unsigned"`: true,
		`username == "root"`: true, `headers.fedora_messaging_severity == "20"`: true, `headers["x-y"] == "z"`: true, `headers.absent == nil`: true,
		`received > date("2026-01-31")`: true, `received > date("2026-01-31T12:00:00Z")`: true, `received < date("2026-01-31T12:00:00+01:00")`: false,
		// members
		`msg.bug.severity == "serious"`: true, `msg["bug"]["severity"] == "serious"`: true, `msg["a.b"] == "dotted"`: true, `msg["kéy"] == "escaped key"`: true,
		`msg.bug.tags[0] == "a"`: true, `msg.bug.tags[1] == "bé"`: true, `msg.bug.tags[-1] == "\"q\""`: true, `msg.bug.tags[3] == nil`: true, `msg.in == "word"`: true,
		`msg.commits[1].n == 2`: true, `msg.deep[0][1] == 2`: true, `msg?.bug?.severity == "serious"`: true,
		// what is missing
		`msg.absent.far.away == 1`: false, `msg.absent.far.away == 1 or msg.n == 3`: true, `msg.absent > 3`: false, `msg.absent <= 3`: false,
		`msg.absent contains "a"`: false, `msg.absent == nil`: true, `msg.absent == null`: true, `msg.nothing == nil`: true, `msg.absent != "x"`: true,
		`not msg.absent`: true, `msg.absent`: false, `"a" in msg.absent`: false, `msg.absent matches "."`: false, `len(msg.absent) == 0`: false,
		`any(msg.absent, true)`: false, `all(msg.absent, true)`: false, `none(msg.absent, true)`: false, `count(msg.absent, true) == 0`: true, `(msg.absent ?? 5) == 5`: true,
		// of the wrong kind
		`msg.n.far == nil`: true, `msg.n contains "3"`: false, `msg.bug > 1`: false, `msg.bug == msg.bug`: false, `msg.n == "3"`: false, `msg.text > 3`: false, `-msg.text == 1`: false,
		`msg.n and true`: false, `msg.text[0] == "H"`: false, `msg.bug[0] == nil`: true, `1 < msg.text`: false, `msg.text + msg.text == nil`: true,
		// numbers
		`msg.n == 3`: true, `msg.n == 3.0`: true, `msg.n > 2 and msg.n < 4`: true, `msg.x == -1500`: true, `msg.bug.number == 12345678901234567`: true,
		`msg.bug.number == 12345678901234568`: false, `msg.n + 1 == 4`: true, `msg.n * 2 - 1 == 5`: true, `msg.n / 2 == 1.5`: true, `msg.n % 2 == 1`: true, `msg.n % 0 == nil`: true,
		`-msg.n == -3`: true, `msg.n in [1, 2, 3]`: true, `msg.n not in [1, 2]`: true, `int("12") == 12`: true, `float("1.5") == 1.5`: true, `int("x") == nil`: true, `int(msg.x) == -1500`: true,
		`msg.nan == msg.nan`: false, `msg.nan > 1`: false, `msg.nan < 1`: false, `int(headers.fedora_messaging_severity) >= 20`: true,
		// texts
		`msg.text contains "World"`: true, `msg.text endsWith "World"`: true, `msg.text matches "^Hel+o"`: true, `msg.text matches "^World"`: false, `lower(msg.text) == "hello world"`: true,
		`upper(msg.text) == "HELLO WORLD"`: true, `trim("  a ") == "a"`: true, `len(msg.text) == 11`: true, `len("é") == 1`: true, `msg.text > "Hallo"`: true, `msg.text | lower() == "hello world"`: true,
		// lists and objects
		`"a" in msg.bug.tags`: true, `"z" in msg.bug.tags`: false, `"severity" in msg.bug`: true, `"x" in msg.bug`: false, `len(msg.bug.tags) == 3`: true, `len(msg.bug) == 4`: true,
		`len(msg.none) == 0`: true, `len(msg.empty) == 0`: true, `msg.deep[0] == [1, 2]`: true, `msg.deep[0] == [1]`: false, `msg.deep[1] == [3, 4]`: false, `msg.deep == [[1,2],[3]]`: true,
		`any(msg.commits, any(#.files, # startsWith "debian/"))`: true, `any(msg.commits, any(.files, # == "x"))`: false, `all(msg.commits, .n > 0)`: true, `all(msg.commits, .n > 1)`: false,
		`none(msg.commits, .n > 5)`: true, `one(msg.commits, .n == 1)`: true, `one(msg.commits, .n > 0)`: false, `count(msg.commits, .n > 0) == 2`: true,
		`any(msg.commits, any(.files, # == "src/a.c") and .n == 1)`: true, `all(msg.none, false)`: true, `any([1, msg.n], # == 3)`: true, `count([true, false, true]) == 2`: true,
		`any(msg.commits, .n == msg.n - 1)`: true,
		// what it is about
		`category == "bts"`: true, `category in ["git"]`: false, `"ann" in users`: true, `"bob" in users`: false, `any(users, # startsWith "an")`: true, `len(users) == 1`: true,
		`users == ["ann"]`: true, `users[0] == "ann"`: true, `packages == []`: true, `"gdb" in packages`: false, `severity == "info"`: true, `severity in ["warning", "error"]`: false,
		`text("hello WORLD")`: true, `text("world")`: true, `text("worl")`: false, `text("hello absent")`: false, `text("Bé") and text("12345678901234567")`: true, `not text("absent")`: true, `text("close debian")`: true,
		// conditions
		`msg.bug.closed`: false, `not msg.bug.closed`: true, `!msg.bug.closed && true`: true, `msg.n == 3 ? topic contains "bts" : false`: true, `true`: true, `false || true`: true,
		`msg.n > 5 or msg.bug.severity in ["grave", "serious"]`: true,
	} {
		if got := where(t, source).Match(e); got != want {
			t.Errorf("%s: %v", source, got)
		}
	}
}

func manyWords() (words []string) {
	for i := range 64 {
		words = append(words, "w"+strconv.Itoa(i))
	}
	return words
}

// TestWhereErrors holds that an expression that cannot work is refused when it is given, with the place of the fault.
func TestWhereErrors(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		``: "empty", ` `: "empty", strings.Repeat("x", maxSource+1): "4096 are allowed", "\xff": "UTF-8",
		`topik == "a"`: "at character 1: unknown name topik; it may ask for topic, id,", `topic == "a" and`: "at character 16", "topic == \"a\"\nand foo": "at character 5 of line 2: unknown name foo",
		`topic > 3`: "mismatched types", `topic`: "bool", `1 + 2`: "bool", `topic == "a`: "not terminated", `(true`: "unexpected", `true)`: "unexpected",
		`msg.a matches "("`: "missing closing", `msg.a matches msg.b`: "must be a text", `msg.a matches "((a{100}){100}){100}"`: "repeat count", `msg.a matches "x{999}y{999}"`: "too large", `msg.a matches "x{600}" or msg.b matches "y{600}"`: ": the regular expressions are too large",
		`let a = msg; a.b`: "not part of this language", `msg[1:2] == "a"`: "not part of this language", `1..1000000 == nil`: "not part of this language", `msg.a == {"a": 1}`: "not part of this language",
		`filter(msg.a, # > 1) == []`: "filter as it is called here is not part", `repeat("a", 1000000) == "a"`: "repeat as it is called here is not part", `toJSON(msg) == ""`: "toJSON is not part", `now() > received`: "now as it is called",
		`received.Year() == 2026`: "no such function", `date(topic) < received`: "date takes a text", `date("x") < received`: "date takes a text", `msg.f() == 1`: "no such function", `text(msg.a)`: "text takes words", `text("- ,")`: "no word", `text("a", "b")`: "too many arguments", `text == nil`: "unknown name text", `text("` + strings.Repeat("a ", 5) + strings.Join(manyWords(), " ") + `")`: "65 words; 64 are allowed",
		`f(1)`: "unknown name f", `topic + "a" == "b"`: "texts are not added", `# == 1`: "unexpected", `any(msg.a, #foo == 1)`: "", `$env.topic == "a"`: "", `true; false`: "", `2 ** 3 == 8`: "not part of this language",
		`msg.a == b"x"`: "", `if true { true } else { false }`: "", strings.Repeat("!", 500) + "true": "", strings.Repeat("(", 2000) + "true" + strings.Repeat(")", 2000): "",
	} {
		w, err := ParseWhere(source)
		if err == nil && strings.HasPrefix(source, "((") && w.Match(whereEntry()) {
			continue // parentheses alone are no harm
		}
		if fedmsg.CodeOf(err) != fedmsg.CodeBadRequest || !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\n\x1b") || !strings.Contains(err.Error(), "where expression") {
			t.Errorf("%.60s: %v, want %q", source, err, want)
		}
	}
}

// TestWhereWork holds that no expression takes long on any message: each of these would, worked out to its end.
func TestWhereWork(t *testing.T) {
	t.Parallel()
	numbers := strings.Repeat("1,", 250_000) + "1"
	nested := strings.Repeat("[", 60) + "1" + strings.Repeat("]", 60)
	long := strings.Repeat("a", 1<<20-100)
	for name, c := range map[string]struct{ source, body string }{
		"lists in lists":    {`any(msg.a, any(msg.a, any(msg.a, # == 2)))`, `{"a":[` + numbers + `]}`},
		"in, each time":     {`any(msg.a, 2 in msg.a)`, `{"a":[` + numbers + `]}`},
		"texts, each time":  {`any(msg.a, msg.t contains "b")`, `{"a":[` + numbers[:200_000] + `1],"t":"` + long[:500_000] + `"}`},
		"elements from far": {`any(msg.a, msg.a[-1] == 2)`, `{"a":[` + numbers + `]}`},
		"lists compared":    {`any(msg.a, msg.a == [1])`, `{"a":[` + numbers + `]}`},
		"regular":           {strings.TrimSuffix(strings.Repeat(`msg.t matches "(a*)*(a*)*(a|b)*c$" or `, 20), " or "), `{"t":"` + long + `"}`},
		"lower":             {strings.TrimSuffix(strings.Repeat(`lower(msg.t) == "b" or `, 40), " or "), `{"t":"` + long + `"}`},
		"members":           {strings.TrimSuffix(strings.Repeat(`msg.z == 1 or `, 60), " or "), `{"a":[` + numbers + `],"t":"` + long[:400_000] + `"}`},
		"text, each time":   {strings.TrimSuffix(strings.Repeat(`text("absent") or `, 60), " or "), `{"t":"` + strings.Repeat("\ufdfa", 300_000) + `"}`},
		"users, each time":  {`any(msg.a, "absent" in users)`, `{"a":[` + numbers[:100_000] + `1],"users":["` + strings.Repeat(`a","`, 100_000) + `a"]}`},
		"deep":              {`msg.a == msg.a and any(msg.b, msg.a == msg.a) and false`, `{"a":` + nested + `,"b":[` + numbers + `]}`},
	} {
		w := where(t, c.source)
		e := &fedmsg.Entry{Envelope: []byte(`{"msg":` + c.body + `}`)}
		r := run{entry: e, left: budget(e)}
		if r.left > 6<<20 {
			t.Errorf("%s: may take %d for %d bytes", name, r.left, len(e.Envelope))
		}
		begin := time.Now()
		w.run(&r)
		t.Logf("measured: %s: %v, %d left", name, time.Since(begin), r.left) // some 15 ms where nothing else runs
		if w.Match(e) {
			t.Errorf("%s: is true", name)
		}
	}
}

// TestWhereLargest holds that what is commonly asked can be asked of the largest message too.
func TestWhereLargest(t *testing.T) {
	t.Parallel()
	list := strings.Repeat(`{"name":"src/a.c","n":1},`, 1<<20/25-100) + `{"name":"last","n":2}`
	text := strings.Repeat("a", 1<<20-300)
	for source, body := range map[string]string{
		`msg.z == 7`: `{"t":"` + text + `","z":7}`,
		`topic startsWith "org." and msg.o.z == 7 and msg.o.y != nil`: `{"o":{"y":1,"t":"` + text + `","z":7}}`,
		`msg.t contains "b"`: `{"t":"` + text + `b","z":7}`,
		`msg.z == 1 or msg.y == 1 or msg.x == 1 or msg.w == 1 or topic == "x.y"`: `{"t":"` + text + `","w":1}`,
		`text("last") and "x" in users`:                                          `{"user":"x","last":1,"t":"` + text + `"}`,
		`any(msg.files, .name == "last")`:                                        `{"files":[` + list + `]}`,
		`"last" in msg.names`:                                                    `{"names":["` + strings.Repeat(`src/a.c","`, 1<<20/10-100) + `last"]}`,
	} {
		if e := (&fedmsg.Entry{Topic: "org.example", Envelope: []byte(`{"msg":` + body + `}`)}); !where(t, source).Match(e) {
			t.Errorf("%s is false of %d bytes", source, len(e.Envelope))
		}
	}
}

// TestWhereTooMuchIsFalse: what could not be worked out to its end is not true, also under a not.
func TestWhereTooMuchIsFalse(t *testing.T) {
	t.Parallel()
	e := &fedmsg.Entry{Envelope: []byte(`{"msg":{"a":[` + strings.Repeat("1,", 100_000) + `1]}}`)}
	if where(t, `not any(msg.a, 2 in msg.a)`).Match(e) {
		t.Error("is true")
	}
}

func TestWhereMemory(t *testing.T) {
	e := whereEntry()
	for source, most := range map[string]float64{
		`msg.bug.severity == "serious" and msg.n > 2`: 1, `any(msg.commits, any(.files, # startsWith "debian/"))`: 3, `topic contains "bts" and "a" in msg.bug.tags`: 2,
	} {
		w := where(t, source)
		if got := testing.AllocsPerRun(100, func() { w.Match(e) }); got > most {
			t.Errorf("%s: %v allocations, want at most %v", source, got, most)
		}
	}
}

// TestMutatedJSON holds that an expression does no harm whatever an envelope is.
func TestMutatedJSON(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	w := where(t, `any(msg.commits, any(.files, # == "x")) or msg.bug.tags == ["a"] or msg.text matches "x" or len(msg) == 0 or username == "x"`)
	good := whereEntry()
	for range fedmsgtest.Count(20_000, 1_000_000) {
		e := *good
		e.Envelope = append([]byte(nil), good.Envelope...)
		for range 1 + rnd.IntN(3) {
			const signs = `{}[]",:\0`
			e.Envelope[rnd.IntN(len(e.Envelope))] = signs[rnd.IntN(len(signs))]
		}
		if rnd.IntN(4) == 0 {
			e.Envelope = e.Envelope[:rnd.IntN(len(e.Envelope))]
		}
		w.Match(&e)
	}
}

func BenchmarkWhere(b *testing.B) {
	w := where(b, `msg.bug.severity == "serious" and any(msg.commits, any(.files, # startsWith "debian/"))`)
	e := whereEntry()
	b.ReportAllocs()
	for b.Loop() {
		w.Match(e)
	}
}
