package fedmsg

import (
	"encoding/json"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestPositionRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Position{Log: LogID(rapid.StringMatching(`[a-z2-7]{12}`).Draw(t, "log")), Seq: rapid.Uint64().Draw(t, "seq")}
		q, err := ParsePosition(p.String())
		if err != nil || q != p {
			t.Fatalf("%s reads as %v (%v)", p, q, err)
		}
		data, err := json.Marshal(p)
		if err != nil || string(data) != `"`+p.String()+`"` {
			t.Fatalf("%s as JSON is %s (%v)", p, data, err)
		}
		var r Position
		if err := json.Unmarshal(data, &r); err != nil || r != p {
			t.Fatalf("%s reads as %v (%v)", data, r, err)
		}
	})
}

func TestZeroPosition(t *testing.T) {
	var p Position
	if !p.IsZero() || p.String() != "" || string(p.AppendTo([]byte("x"))) != "x" {
		t.Errorf("text %q", p)
	}
	q := Position{Log: "k3v5q2m7x4ab"}
	if q.IsZero() {
		t.Error("the position before the first entry is taken for none")
	}
	if err := q.UnmarshalText(nil); err != nil || !q.IsZero() {
		t.Errorf("empty text reads as %v (%v)", q, err)
	}
}

func TestParsePositionRefusals(t *testing.T) {
	for _, s := range []string{
		"", "0", "-1", "-", "k3v5q2m7x4ab", "k3v5q2m7x4ab-", "k3v5q2m7x4ab--1", "k3v5q2m7x4ab-+1", "k3v5q2m7x4ab-01", "k3v5q2m7x4ab-1x", "k3v5q2m7x4ab- 1",
		"k3v5q2m7x4ab-18446744073709551616", "K3v5q2m7x4ab-1", "k3v5q2m7x4a1-1", "k3v5q2m7x4a-1", "k3v5q2m7x4abc-1", "k3v5q2m7x4ab-1_0", "k3v5q2m7x4ab-0x1",
	} {
		p, err := ParsePosition(s)
		if CodeOf(err) != CodeBadPosition || !p.IsZero() {
			t.Errorf("%q: %v (%v)", s, p, err)
		}
	}
	if p, err := ParsePosition("k3v5q2m7x4ab-18446744073709551615"); err != nil || p.Seq != math.MaxUint64 {
		t.Errorf("the last position: %v (%v)", p, err)
	}
}

func FuzzParsePosition(f *testing.F) {
	f.Add("k3v5q2m7x4ab-1042")
	f.Add("k3v5q2m7x4ab--0")
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := ParsePosition(s); err == nil && p.String() != s {
			t.Errorf("%q reads back as %q", s, p)
		}
	})
}
