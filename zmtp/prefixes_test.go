package zmtp

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestPrefixes compares with the plainest way, on random sets over a small alphabet so that prefixes share beginnings.
func TestPrefixes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		b := make([]byte, random.IntN(7))
		for i := range b {
			b[i] = "ab\x00\xff"[random.IntN(4)]
		}
		return string(b)
	}
	for range 50 {
		var p Prefixes
		plain := make(map[string]int)
		for range 400 {
			w := word()
			if random.IntN(2) == 0 {
				plain[w]++
				if first := p.Add([]byte(w)); first != (plain[w] == 1) {
					t.Fatalf("Add(%q) = %t, it was added %d times", w, first, plain[w])
				}
			} else {
				last := p.Remove([]byte(w))
				if last != (plain[w] == 1) {
					t.Fatalf("Remove(%q) = %t, it was added %d times", w, last, plain[w])
				}
				if plain[w]--; plain[w] <= 0 {
					delete(plain, w)
				}
			}
			comparePrefixes(t, &p, plain, word())
		}
		for w, n := range plain {
			for range n {
				p.Remove([]byte(w))
			}
		}
		if p.Len() != 0 || p.bytes != 0 || len(p.root.children) != 0 {
			t.Fatalf("%d prefixes of %d bytes are left after all were removed, and %d branches", p.Len(), p.bytes, len(p.root.children))
		}
	}
}

func comparePrefixes(t *testing.T, p *Prefixes, plain map[string]int, topic string) {
	t.Helper()
	want, size := false, 0
	for w := range plain {
		want = want || strings.HasPrefix(topic, w)
		size += len(w)
	}
	if got := p.Match([]byte(topic)); got != want {
		t.Fatalf("Match(%q) = %t with %v", topic, got, plain)
	}
	if got := p.Has([]byte(topic)); got != (plain[topic] > 0) {
		t.Fatalf("Has(%q) = %t with %v", topic, got, plain)
	}
	if p.Everything() != (plain[""] > 0) || p.Len() != len(plain) || p.bytes != size {
		t.Fatalf("Everything %t, Len %d, %d bytes with %v", p.Everything(), p.Len(), p.bytes, plain)
	}
	if b := p.root.single(); b != nil {
		t.Fatalf("the branch %q has one child and ends no prefix, with %v", b.label, plain)
	}
	seen := 0
	for w := range p.All() {
		if seen++; plain[string(w)] == 0 {
			t.Fatalf("All gives %q, with %v", w, plain)
		}
	}
	if seen != len(plain) {
		t.Fatalf("All gives %d of %d", seen, len(plain))
	}
}

// single finds a branch below b that is of no use: a prefix neither ends nor forks there.
func (b *branch) single() *branch {
	for _, c := range b.children {
		if c.times == 0 && len(c.children) < 2 {
			return c
		}
		if found := c.single(); found != nil {
			return found
		}
	}
	return nil
}

// TestPrefixesOfPeer: a peer's subscriptions count once, and have their limits.
func TestPrefixesOfPeer(t *testing.T) {
	var p Prefixes
	heed := func(prefix string, cancel bool) (bool, error) {
		return p.Heed(Incoming{Message: Message{[]byte(prefix)}, Subscribe: !cancel, Cancel: cancel}, Options{MaxSubscriptions: 2})
	}
	for i, step := range []struct {
		prefix  string
		cancel  bool
		changed bool
		err     error
	}{
		{"a", false, true, nil}, {"a", false, false, nil}, {"b", false, true, nil}, {"c", false, false, errSubscriptions},
		{"a", true, true, nil}, {"a", true, false, nil}, {"c", false, true, nil}, {"x", true, false, nil},
	} {
		changed, err := heed(step.prefix, step.cancel)
		if changed != step.changed || !errors.Is(err, step.err) {
			t.Errorf("step %d: %t, %v", i, changed, err)
		}
	}
	p = Prefixes{}
	if _, err := heed(strings.Repeat("x", maxSubscriptionBytes), false); err != nil {
		t.Error(err)
	}
	if _, err := heed("y", false); !errors.Is(err, errSubscriptions) {
		t.Errorf("more than %d bytes: %v", maxSubscriptionBytes, err)
	}
}

// filters makes n that look like real ones, none of which the topic begins with.
func filters(n int) (*Prefixes, []byte) {
	var p Prefixes
	for i := range n {
		p.Add(fmt.Appendf(nil, "org.fedoraproject.prod.service%d.object%d.", i%97, i))
	}
	return &p, bytes.Repeat([]byte("org.fedoraproject.prod.service42.object0"), 2)[:60]
}

// BenchmarkPrefixes shows that many cost what few do.
func BenchmarkPrefixes(b *testing.B) {
	for _, n := range []int{1, 50, 5000, 65536} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p, topic := filters(n)
			for b.Loop() {
				p.Match(topic)
			}
		})
	}
}
