package filter

import (
	"testing"

	"github.com/federated-messaging/fedmsg"
)

func patterns(t testing.TB, texts ...string) (ps []fedmsg.Pattern) {
	for _, s := range texts {
		p, err := fedmsg.ParsePattern(s)
		if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
	return ps
}

func TestMatch(t *testing.T) {
	all := []string{"#"}
	for _, c := range []struct {
		name                    string
		topics, prefixes, scope []string
		topic                   string
		want                    bool
	}{
		{"everything in scope", nil, nil, all, "org.debian.prod.bts.bug.close", true},
		{"nobody said what may be read", nil, nil, nil, "org.debian.prod.bts.bug.close", false},
		{"topic", []string{"org.*.prod.#"}, nil, all, "org.debian.prod.bts.bug.close", true},
		{"other topic", []string{"org.*.prod.#"}, nil, all, "org.debian.dev.bts.bug.close", false},
		{"second topic", []string{"a", "org.#"}, nil, all, "org.debian", true},
		{"prefix is bytes, not words", nil, []string{"org.deb"}, all, "org.debian", true},
		{"other prefix", nil, []string{"org.fed"}, all, "org.debian", false},
		{"topic or prefix", []string{"a"}, []string{"org.deb"}, all, "org.debian", true},
		{"prefix or topic", []string{"a"}, []string{"org.deb"}, all, "a", true},
		{"wanted, out of scope", []string{"#"}, nil, []string{"org.debian.#"}, "org.fedora", false},
		{"prefix out of scope", nil, []string{""}, []string{"org.debian.#"}, "org.fedora", false},
		{"all out of scope", nil, nil, []string{"org.debian.#"}, "org.fedora", false},
		{"second scope", nil, nil, []string{"x", "org.fedora"}, "org.fedora", true},
	} {
		f := Filter{Topics: patterns(t, c.topics...), Prefixes: c.prefixes, Scope: patterns(t, c.scope...)}
		if got := f.Match(c.topic); got != c.want {
			t.Errorf("%s: Match(%q) = %v", c.name, c.topic, got)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	f := Filter{Topics: patterns(b, "org.debian.prod.bts.bug.#", "org.*.prod.git.receive"), Scope: patterns(b, "#")}
	b.ReportAllocs()
	for b.Loop() {
		f.Match("org.debian.prod.bts.tag.close")
	}
}
