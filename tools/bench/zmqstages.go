package main

import (
	"fmt"
	"time"
)

// zmqLibrary is one that takes its turn.
type zmqLibrary struct {
	name, title string
	keeps       string // how its publisher is told to lose nothing
	peer        bool
	rate        int // messages a second that it moves at least between two processes, so that rounds last about as long with each
}

// In libzmq a publisher that must lose nothing has the choice to wait (ZMQ_XPUB_NODROP) or to queue without end (ZMQ_SNDHWM 0).
// Waiting is the faster one for it, most of all with many subscribers, where what is queued takes memory that is not in a cache.
var (
	ours = zmqLibrary{"zmq", "`zmtp`", "Pub.Blocking", false, 1_000_000}
	ofC  = zmqLibrary{"libzmq", "libzmq's own C", "ZMQ_XPUB_NODROP", true, 400_000}
	ofGo = zmqLibrary{"gozeromq", "go-zeromq/zmq4", "which queues without end", true, 100_000}
)

// program is the name that its program has.
func (l zmqLibrary) program() string {
	if l.peer {
		return l.name
	}
	return "fedmsg"
}

// zmqStages is how ZeroMQ is measured.
func zmqStages() []stage {
	return []stage{
		zmqOne("tcp", fanOut{}), zmqOne("ipc", fanOut{ipc: true}), zmqMany(50, 2), zmqMany(200, 1.5),
		zmqStalled(), zmqRequests(), zmqCurve(), zmqSubmit(),
	}
}

// fans gives a contender for each library.
func fans(name, title string, f fanOut, libraries ...zmqLibrary) []contender {
	var all []contender
	for _, l := range libraries {
		f := f
		f.library, f.count = l.program(), l.rate/f.peers
		c := contender{name: l.name + "-" + name, title: title + ": " + l.title, peer: l.peer, run: f.run}
		if f.window == 0 {
			c.title += ", " + l.keeps
		}
		all = append(all, c)
	}
	return all
}

func zmqOne(name string, f fanOut) stage {
	f.peers, f.whole = 1, true
	return stage{
		title:      "ZeroMQ, one publisher and one subscriber, " + name + ", processor time of both processes",
		contenders: fans(name, "1 → 1", f, ours, ofC, ofGo),
		rows: []row{{
			[]string{"zmq-" + name, "libzmq-" + name, "gozeromq-" + name}, "ZeroMQ, 1 PUB → 1 SUB, " + name, "≥ 1.5 × libzmq, ≥ 4 × go-zeromq; CPU a message ≤ 0.75 × libzmq's",
			func(m func(string) sample) (string, bool) {
				o, c, g := m("zmq-"+name), m("libzmq-"+name), m("gozeromq-"+name)
				byC, byGo, cpu := o.rate/c.rate, o.rate/g.rate, float64(o.cpu)/float64(c.cpu)
				return fmt.Sprintf("%s/s: %.1f × libzmq, %.1f × go-zeromq; %.2f µs CPU, %.2f ×", thousands(o.rate), byC, byGo, micros(o.cpu), cpu), byC >= 1.5 && byGo >= 4 && cpu <= 0.75
			},
		}},
	}
}

func zmqMany(peers int, reach float64) stage {
	name := fmt.Sprint(peers)
	return stage{
		title:      fmt.Sprintf("ZeroMQ, one publisher and %d subscribers, tcp, processor time and memory of the publisher, for a delivery", peers),
		contenders: fans(name, "1 → "+name, fanOut{peers: peers}, ours, ofC),
		rows: []row{{
			[]string{"zmq-" + name, "libzmq-" + name}, "ZeroMQ, 1 PUB → " + name + " SUB, deliveries",
			fmt.Sprintf("≥ %g × libzmq's; publisher CPU a delivery ≤ 0.65 ×; memory ≤ 2 ×", reach),
			func(m func(string) sample) (string, bool) {
				o, c := m("zmq-"+name), m("libzmq-"+name)
				rate, cpu, size := o.rate/c.rate, float64(o.cpu)/float64(c.cpu), float64(o.size)/float64(c.size)
				return fmt.Sprintf("%s/s: %.1f ×; %.2f µs CPU, %.2f ×; %.0f MB, %.2f ×", thousands(o.rate), rate, micros(o.cpu), cpu, float64(o.size)/1e6, size), rate >= reach && cpu <= 0.65 && size <= 2
			},
		}},
	}
}

// zmqStalled has subscribers that tell the publisher how far they are, which is never further ahead of them than its limit for
// one that is slow: so only what the stalled one does not take is dropped.
func zmqStalled() stage {
	without := fanOut{peers: 99, window: 400}
	with := without
	with.stalled = true
	var all []contender
	for _, l := range []zmqLibrary{ours, ofC} {
		all = append(all, fans("stalled-none", "99 subscribers", without, l)...)
		all = append(all, fans("stalled", "99 subscribers, and one that takes nothing", with, l)...)
	}
	return stage{
		title:      "ZeroMQ, a stalled subscriber among 100, tcp, deliveries to the others",
		contenders: all,
		rows: []row{{
			[]string{"zmq-stalled", "zmq-stalled-none"}, "ZeroMQ, a stalled subscriber among 100", "costs the others < 5 %",
			func(m func(string) sample) (string, bool) {
				with, without := m("zmq-stalled").rate, m("zmq-stalled-none").rate
				return fmt.Sprintf("%.1f %% (%s/s with it, %s/s without)", 100*(1-with/without), thousands(with), thousands(without)), with > 0.95*without
			},
		}},
	}
}

func zmqRequests() stage {
	var all []contender
	for _, l := range []zmqLibrary{ours, ofC, ofGo} {
		all = append(all, contender{name: l.name + "-request", title: "one request of 1 KB after the other, median: " + l.title, peer: l.peer, run: requests(l.program())})
	}
	return stage{
		title:      "ZeroMQ, REQ and REP, tcp",
		contenders: all,
		rows: []row{{
			[]string{"zmq-request", "libzmq-request"}, "ZeroMQ, REQ/REP, tcp, p50", "≤ 0.6 × libzmq's",
			func(m func(string) sample) (string, bool) {
				o, c := m("zmq-request").span, m("libzmq-request").span
				return fmt.Sprintf("%.1f µs of %.1f µs: %.2f ×", micros(o), micros(c), float64(o)/float64(c)), float64(o) <= 0.6*float64(c)
			},
		}},
	}
}

func zmqCurve() stage {
	f := fanOut{peers: 1, curve: true, whole: true}
	slow := func(l zmqLibrary) zmqLibrary { l.rate /= 4; return l }
	return stage{
		title:      "ZeroMQ with CURVE, one publisher and one subscriber, tcp, processor time of both processes",
		contenders: fans("curve", "1 → 1", f, slow(ours), slow(ofC)),
		rows: []row{{
			[]string{"zmq-curve", "libzmq-curve"}, "ZeroMQ, CURVE 1 → 1", "≥ 0.8 × libzmq's CURVE",
			func(m func(string) sample) (string, bool) {
				o, c := m("zmq-curve"), m("libzmq-curve")
				return fmt.Sprintf("%s/s: %.2f × (%.2f µs CPU of %.2f µs)", thousands(o.rate), o.rate/c.rate, micros(o.cpu), micros(c.cpu)), o.rate >= 0.8*c.rate
			},
		}},
	}
}

func zmqSubmit() stage {
	return stage{
		title: "FSUBMIT1 to a node as it starts without configuration, over a unix socket, 64 submitters; the time until a subscriber has it",
		contenders: []contender{
			{name: "zmq-submit", title: "64 REQ, 1 KB, each signed by the node and on disk before its reply, and one SUB", run: submitZMQ},
		},
		rows: []row{{
			[]string{"zmq-submit"}, "FSUBMIT1, 64 submitters, durable, to a SUB", "≥ 5,000/s, p50 ≤ 5 ms",
			func(m func(string) sample) (string, bool) {
				s := m("zmq-submit")
				return fmt.Sprintf("%s/s, p50 %.1f ms; %.0f µs node CPU", thousands(s.rate), float64(s.span)/1e6, micros(s.cpu)), s.rate >= 5000 && s.span <= 5*time.Millisecond
			},
		}},
	}
}
