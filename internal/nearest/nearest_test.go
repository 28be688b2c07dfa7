package nearest

import (
	"strings"
	"testing"
)

func TestWord(t *testing.T) {
	verbs := []string{"check", "config", "log", "publish", "tail"}
	keys := []string{"topic", "msg", "id", "headers", "username"}
	for _, c := range []struct {
		s     string
		known []string
		want  string
	}{
		{"tial", verbs, "tail"}, {"lgo", verbs, "log"}, {"pubish", verbs, "publish"}, {"logs", verbs, "log"}, {"chekc", verbs, "check"},
		{"x", verbs, ""}, {"ls", verbs, ""}, {"", verbs, ""}, {"publish", verbs, "publish"},
		{"topci", keys, "topic"}, {"message", keys, ""}, {"mesg", keys, "msg"}, {"mx", keys, ""}, {"i", keys, "id"}, {"user_name", keys, "username"},
		{"limits.envelop_byte", []string{"limits.envelope"}, "limits.envelope"}, // long words may be further away
		{"topic", nil, ""},
	} {
		if got := Word(c.s, c.known); got != c.want {
			t.Errorf("%q is nearest to %q, want %q", c.s, got, c.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "ab", 2}, {"ab", "", 2}, {"topci", "topic", 1}, {"msgs", "msg", 1}, {"mesg", "msg", 1}, {"xyz", "msg", 3},
		{"ba", "ab", 1}, {"kitten", "sitting", 3},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance of %q and %q is %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// TestWordLong holds that a long word from outside costs nothing: against each known one it would take a table of both.
func TestWordLong(t *testing.T) {
	long := strings.Repeat("a", 1<<20)
	if n := testing.AllocsPerRun(1, func() { _ = Word(long, []string{"topic", "msg"}) }); n > 0 {
		t.Errorf("%v allocations for a word of 1 MiB", n)
	}
}
