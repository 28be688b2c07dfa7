package fedmsg

import (
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/internal/mutate"
)

func TestPositionMutations(t *testing.T) {
	seeds := mutate.Texts("k3v5q2m7x4ab-0", "k3v5q2m7x4ab-1042", "k3v5q2m7x4ab-18446744073709551615")
	mutate.Run(t, seeds, []string{"", "0", "9", "-", "+", "_", "a", "A", "1", " ", "\n", "é", "0x"}, func(in []byte) bool {
		text := string(in)
		p, err := ParsePosition(text)
		if err != nil {
			if CodeOf(err) != CodeBadPosition || len(err.Error()) > 500 || !p.IsZero() {
				t.Errorf("%v, %v", p, err)
			}
			return false
		}
		if p.String() != text || !p.Log.Valid() {
			t.Errorf("read as %s", p)
		}
		return true
	})
}

// TestPatternMutations holds that a pattern has one reading, and that topics are patterns of themselves.
func TestPatternMutations(t *testing.T) {
	long := strings.TrimSuffix(strings.Repeat("a.", 128), ".")
	seeds := mutate.Texts("#", "a.b.c", "*.#.a", "org.example.#", strings.Repeat("#.a.", 100)+"b", "#.*.#.*.#", "a.*.c")
	mutate.Run(t, seeds, []string{"", ".", "#", "*", "a", "b", "..", ".#.", ".*.", "#.#", "\n", "é", "+", "~"}, func(in []byte) bool {
		text := string(in)
		l := DefaultLimits()
		topic := l.CheckTopic(text) == nil
		if topic && l.CheckOldTopic(text) != nil {
			t.Error("a topic of new doors is none of the old wire")
		}
		p, err := ParsePattern(text)
		if err != nil {
			if CodeOf(err) != CodeBadPattern || len(err.Error()) > 500 || topic {
				t.Error(err)
			}
			return false
		}
		again, err := ParsePattern(p.String())
		if err != nil || p.String() != text || again.Match(long) != p.Match(long) || topic && !p.Match(text) {
			t.Errorf("read as %q, then %q (%v)", p, again, err)
		}
		return true
	})
}
