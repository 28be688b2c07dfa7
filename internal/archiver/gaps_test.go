package archiver

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestGapsJoin adds pieces that touch, lie in one another and lie apart, and reads them back.
func TestGapsJoin(t *testing.T) {
	t.Parallel()
	at := func(seq uint64) fedmsg.Position { return fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: seq} }
	for _, c := range []struct{ added, want string }{
		{"5-6", "5-6"},
		{"5-6 8-9", "5-6 8-9"},
		{"8-9 5-6", "5-6 8-9"},
		{"5-6 7-9", "5-9"},
		{"7-9 5-6", "5-9"},
		{"5-6 8-9 7-7", "5-9"},
		{"1-20 5-6", "1-20"},
		{"5-6 8-9 20-30 1-12", "1-12 20-30"},
		{"5-6 8-9 20-30 6-21", "5-30"},
		{"5-6 5-6", "5-6"},
	} {
		path := filepath.Join(t.TempDir(), "gaps")
		b, err := openGaps(path)
		if err != nil {
			t.Fatal(err)
		}
		for text := range strings.FieldsSeq(c.added) {
			var from, to uint64
			if _, err := fmt.Sscanf(text, "%d-%d", &from, &to); err != nil {
				t.Fatal(err)
			}
			if err := b.add(fedmsg.Gap{From: at(from), To: at(to), Reason: fedmsg.GapTrimmed}); err != nil {
				t.Fatal(err)
			}
		}
		if b, err = openGaps(path); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, g := range b.list {
			got = append(got, fmt.Sprintf("%d-%d", g.From.Seq, g.To.Seq))
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s became %s, want %s", c.added, text, c.want)
		}
	}
}

// TestGapsAreBounded adds more pieces than are kept: none is forgotten.
func TestGapsAreBounded(t *testing.T) {
	t.Parallel()
	b := gapBook{path: filepath.Join(t.TempDir(), "gaps")}
	gap := func(n uint64) fedmsg.Gap {
		at := fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 10*n + 1}
		return fedmsg.Gap{From: at, To: at, Reason: fedmsg.GapDamaged}
	}
	for n := range uint64(maxGaps) {
		b.list = append(b.list, gap(n))
	}
	for n := range uint64(10) {
		if err := b.add(gap(maxGaps + n)); err != nil {
			t.Fatal(err)
		}
	}
	if n, first := len(b.list), b.list[0]; n != maxGaps || first.From.Seq != 1 || first.To.Seq != 101 {
		t.Errorf("%d pieces are kept, the first from %s to %s; want %d, the first from 1 to 101", n, first.From, first.To, maxGaps)
	}
}
