package fedmsg

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// matches says what a pattern means in the plainest way.
func matches(pattern, topic []string) bool {
	if len(pattern) == 0 {
		return len(topic) == 0
	}
	if pattern[0] == "#" {
		for skipped := range len(topic) + 1 {
			if matches(pattern[1:], topic[skipped:]) {
				return true
			}
		}
		return false
	}
	return len(topic) > 0 && (pattern[0] == "*" || pattern[0] == topic[0]) && matches(pattern[1:], topic[1:])
}

func TestPatternMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, topic string
		want           bool
	}{
		{"a.b", "a.b", true}, {"a.b", "a.b.c", false}, {"a.b.c", "a.b", false},
		{"*", "a", true}, {"*", "a.b", false}, {"a.*.c", "a.b.c", true}, {"a.*", "a", false},
		{"#", "a", true}, {"#", "a.b.c", true}, {"a.#", "a", true}, {"a.#", "a.b.c", true}, {"a.#", "ab", false},
		{"#.c", "c", true}, {"#.c", "a.b.c", true}, {"#.c", "a.c.b", false}, {"a.#.c", "a.c", true},
		{"#.a.#.b", "a.b", true}, {"#.a.*.b", "a.a.x.b", true}, {"*.#", "a", true}, {"#.*", "a", true},
		{"a.*.b", "a..b", true}, {"a", "A", false},
	} {
		p, err := ParsePattern(test.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Match(test.topic); got != test.want {
			t.Errorf("%s matches %s: %v", test.pattern, test.topic, got)
		}
	}
	if (Pattern{}).Match("a") || (Pattern{}).Match("") {
		t.Error("the zero pattern matches")
	}
	if all := MatchAll(); !all.Match("a.b") || !all.Match("") || all.String() != "#" {
		t.Error("MatchAll does not match")
	}
}

func TestPatternAgainstReference(t *testing.T) {
	word := rapid.SampledFrom([]string{"a", "b", "#", "*", "a", "*"})
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.SliceOfN(word, 1, 9).Draw(t, "pattern")
		topic := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", ""}), 1, 10).Draw(t, "topic")
		p, err := ParsePattern(strings.Join(pattern, "."))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := p.Match(strings.Join(topic, ".")), matches(pattern, topic); got != want {
			t.Fatalf("%v matches %v: %v, want %v", pattern, topic, got, want)
		}
	})
}

func TestParsePatternRefusals(t *testing.T) {
	for pattern, words := range map[string]string{
		"":                       "empty",
		"a.":                     "%23",
		"a..b":                   "empty word",
		".a":                     "empty word",
		"a*":                     "prefix=",
		"a.#b":                   "prefix=",
		"**":                     "prefix=",
		"a\n":                    "control",
		"a\x1b[31m.":             "control",
		"a\xff":                  "UTF-8",
		strings.Repeat("a", 513): "512",
	} {
		_, err := ParsePattern(pattern)
		if CodeOf(err) != CodeBadPattern || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v does not say %q", pattern, err, words)
		}
	}
}

func TestPatternText(t *testing.T) {
	var p Pattern
	if err := p.UnmarshalText([]byte("a.#.#")); err != nil || p.String() != "a.#.#" {
		t.Errorf("%v %v", p, err)
	}
	if b, err := p.MarshalText(); err != nil || string(b) != "a.#.#" {
		t.Errorf("%s %v", b, err)
	}
	if err := p.UnmarshalText([]byte("a*")); err == nil || p.String() != "a.#.#" {
		t.Errorf("a refusal changed the pattern to %v (%v)", p, err)
	}
}

// TestPatternWork holds that the worst pattern on the worst topic is no exponential affair, and allocates nothing.
func TestPatternWork(t *testing.T) {
	p, err := ParsePattern(strings.Repeat("#.a.", 120) + "b")
	if err != nil {
		t.Fatal(err)
	}
	topic := strings.Repeat("a.", 5000) + "a"
	if allocs := testing.AllocsPerRun(3, func() {
		if p.Match(topic) {
			t.Error("it matches")
		}
	}); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzParsePattern(f *testing.F) {
	for _, s := range []string{"a.b", "#", "*.#.a", "a.", "a*", "é.*", "\x00"} {
		f.Add(s, "a.b")
	}
	f.Fuzz(func(t *testing.T, s, topic string) {
		p, err := ParsePattern(s)
		if err != nil {
			if CodeOf(err) != CodeBadPattern {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if p.String() != s {
			t.Errorf("%q reads back as %q", s, p)
		}
		if strings.Count(s, "#") < 6 && len(topic) < 100 && p.Match(topic) != matches(strings.Split(s, "."), strings.Split(topic, ".")) {
			t.Errorf("%q matches %q: %v", s, topic, p.Match(topic))
		}
	})
}
