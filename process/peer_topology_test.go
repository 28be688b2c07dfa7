package process

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// way is one way from a node to another: the first has a sink that pushes, or the second a source that pulls.
type way struct {
	from, to string
	pull     bool
}

// topology is nodes and the ways between them.
type topology struct {
	name       string
	ways       []way
	publishers []string
	count      int  // of messages, together
	once       bool // no message may come to a node that has it
}

// config gives the configuration of one node.
func (g *topology) config(name string) string {
	var b strings.Builder
	for _, w := range g.ways {
		switch {
		case !w.pull && w.from == name:
			fmt.Fprintf(&b, "[[sink]]\nname = %q\nto = \"{%s}\"\ntopics = [\"#\"]\nstart = \"beginning\"\nretry_max = \"1s\"\nanswer_timeout = \"1h\"\n", "to-"+w.to, w.to)
		case w.pull && w.to == name:
			fmt.Fprintf(&b, "[[source]]\nname = %q\nfrom = \"{%s}\"\ntopics = [\"#\"]\nretry_max = \"1s\"\n", "from-"+w.from, w.from)
		}
	}
	return b.String()
}

func (g *topology) names() []string {
	all := map[string]bool{}
	for _, w := range g.ways {
		all[w.from], all[w.to] = true, true
	}
	return slices.Sorted(maps.Keys(all))
}

// reaches gives the nodes that have what a node publishes.
func (g *topology) reaches(from string, seen map[string]bool) map[string]bool {
	if !seen[from] {
		seen[from] = true
		for _, w := range g.ways {
			if w.from == from {
				g.reaches(w.to, seen)
			}
		}
	}
	return seen
}

// pushes and pulls make ways along a row of nodes; a name that comes again closes a ring.
func pushes(row ...string) []way { return along(false, row) }
func pulls(row ...string) []way  { return along(true, row) }

func along(pull bool, row []string) (all []way) {
	for i := range len(row) - 1 {
		all = append(all, way{row[i], row[i+1], pull})
	}
	return all
}

// TestPeerTopologies joins nodes in every manner and publishes at several of them at once: each message is once in the log of
// each node that a way leads to, and nowhere else, with the bytes, signatures and verdict that the first node gave it, and with the
// place where the first node has it; each publisher's messages are in order on each single way. When all is quiet one more message
// takes each way at most once.
func TestPeerTopologies(t *testing.T) {
	t.Parallel()
	many := fedmsgtest.Count(2000, 10000)
	few := fedmsgtest.Count(600, 10000)
	for _, g := range []topology{
		{name: "two push to each other", ways: pushes("a", "b", "a"), publishers: []string{"a", "b"}, count: many, once: true},
		{name: "two pull from each other", ways: pulls("a", "b", "a"), publishers: []string{"a", "b"}, count: few, once: true},
		{name: "one pushes and pulls", ways: append(pushes("a", "b"), pulls("b", "a")...), publishers: []string{"a", "b"}, count: few, once: true},
		{name: "ring of pushes", ways: pushes("a", "b", "c", "a"), publishers: []string{"a", "b", "c"}, count: many, once: true},
		{name: "ring of pulls", ways: pulls("a", "b", "c", "a"), publishers: []string{"a", "b", "c"}, count: few, once: true},
		{name: "rings both ways round", ways: append(pushes("a", "b", "c", "a"), pushes("c", "b", "a", "c")...), publishers: []string{"a", "b", "c"}, count: few},
		{name: "chain", ways: append(pushes("a", "b", "c"), pulls("c", "d")...), publishers: []string{"a", "b"}, count: few, once: true},
		{name: "diamond", ways: slices.Concat(pushes("a", "b", "d"), pushes("a", "c"), pulls("c", "d")), publishers: []string{"a"}, count: few},
		{name: "several on one upstream", ways: slices.Concat(pulls("a", "b"), pulls("a", "c"), pushes("a", "d")), publishers: []string{"a", "b"}, count: few},
	} {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			p := newPeers(t, g.names(), g.config)
			p.start()
			each := g.count / len(g.publishers)
			p.publishAll(each, g.publishers...)
			g.hold(p, each)
			g.holdQuiet(p, each)
		})
	}
}

// hold waits until every message is where it must be, and compares.
func (g *topology) hold(p *peers, each int) {
	t := p.t
	t.Helper()
	first := map[string]map[string]fedmsg.Entry{} // of each publisher: what it published, by id
	logs := map[string][]fedmsg.Entry{}
	for _, name := range p.names {
		logs[name] = p.await(name, each*len(g.origins(name)))
	}
	for _, name := range g.publishers {
		first[name] = map[string]fedmsg.Entry{}
		for _, e := range logs[name] {
			if e.Origin.IsZero() {
				first[name][e.ID] = e
			}
		}
	}
	for _, name := range p.names {
		want := map[string][32]byte{}
		var published []fedmsg.Entry
		for _, publisher := range g.origins(name) {
			published = slices.AppendSeq(published, maps.Values(first[publisher]))
		}
		maps.Copy(want, sums(t, published))
		same(t, name, sums(t, logs[name]), want)
		last := map[string]int{}
		for i := range logs[name] {
			e := &logs[name][i]
			publisher, _, _ := strings.Cut(e.ID, "-")
			holdEntry(t, name, e, first[publisher][e.ID], publisher)
			if g.single(publisher, name) && number(e.ID) != last[publisher] {
				t.Fatalf("%s has %s where number %d was next", name, e.ID, last[publisher])
			}
			last[publisher]++
		}
	}
}

// origins gives the publishers whose messages a node must have.
func (g *topology) origins(name string) (all []string) {
	for _, publisher := range g.publishers {
		if g.reaches(publisher, map[string]bool{})[name] {
			all = append(all, publisher)
		}
	}
	return all
}

// single reports whether there is no more than one way into each node of what is published at one, so that order is kept.
func (g *topology) single(publisher, name string) bool {
	into := map[string]int{}
	for _, w := range g.ways {
		if g.reaches(publisher, map[string]bool{})[w.from] && w.to != publisher {
			into[w.to]++
		}
	}
	for _, n := range into {
		if n > 1 {
			return false
		}
	}
	return true
}

// holdEntry compares an entry with that of the node where it was published.
func holdEntry(t *testing.T, where string, got *fedmsg.Entry, first fedmsg.Entry, publisher string) {
	t.Helper()
	if string(got.Signatures) != string(first.Signatures) || len(got.Signatures) == 0 {
		t.Fatalf("%s has %s with the signatures %s, want %s", where, got.ID, got.Signatures, first.Signatures)
	}
	if signer, _, _ := strings.Cut(got.Signer, "/"); got.Verdict != fedmsg.VerdictOK || signer != publisher && got.Signer != first.Signer {
		t.Fatalf("%s has %s as %s by %s, want ok by %s", where, got.ID, got.Verdict, got.Signer, publisher)
	}
	if where != publisher && got.Origin != first.Position {
		t.Fatalf("%s has %s with the origin %s, want %s", where, got.ID, got.Origin, first.Position)
	}
}

// holdQuiet waits until nothing is under way, publishes one more message at each publisher and counts on how many ways it went.
func (g *topology) holdQuiet(p *peers, each int) {
	t := p.t
	t.Helper()
	before := g.traffic(p, each)
	for _, name := range g.publishers {
		if _, err := p.nodes[name].Publish(t.Context(), submission(fmt.Sprintf("%s-%d", name, each), each)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range p.names {
		p.await(name, (each+1)*len(g.origins(name)))
	}
	after := g.traffic(p, each+1)
	for _, name := range p.names {
		if n := metric(t, p.nodes[name], "fedmsg_ingest_duplicate_total", ""); g.once && n != 0 {
			t.Errorf("%s was given %v messages that it had", name, n)
		}
	}
	for w, n := range after {
		if more := n - before[w]; more > uint64(len(g.publishers)) {
			t.Errorf("%d messages went %d times from %s to %s", len(g.publishers), more, w.from, w.to)
		}
		if all := uint64((each + 1) * len(g.publishers)); n > all {
			t.Errorf("%d messages went %d times from %s to %s", all, n, w.from, w.to)
		}
	}
}

// traffic waits until nothing is under way on any way, with as many messages of each publisher in each log as there are, and gives how
// many went on each.
func (g *topology) traffic(p *peers, each int) map[way]uint64 {
	counts := map[way]uint64{}
	p.until("nothing is under way", func() bool {
		before := maps.Clone(counts)
		quiet := true
		for _, w := range g.ways {
			if w.pull {
				for _, s := range p.sources(w.to) {
					if s.Name == "from-"+w.from {
						counts[w] = s.Received
						quiet = quiet && s.InFlight == 0 && s.Received >= uint64(each*g.passing(w))
					}
				}
				continue
			}
			for _, s := range p.sinks(w.from) {
				if s.Name == "to-"+w.to {
					counts[w] = s.Delivered
					quiet = quiet && s.InFlight == 0 && s.Lag == 0
				}
			}
		}
		return quiet && maps.Equal(before, counts)
	})
	return counts
}

// passing is from how many publishers a pull brings messages: all whose messages the other node has, but the node itself.
func (g *topology) passing(w way) int {
	return len(slices.DeleteFunc(g.origins(w.from), func(name string) bool { return name == w.to }))
}
