package mesh_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/mesh"
)

// old is the service of an old publisher on libzmq.
func old(pub, rep *process) mesh.Service {
	s := mesh.Service{Name: "old.host", Addresses: []string{pub.uri}}
	if rep != nil {
		s.Replay = rep.uri
	}
	return s
}

// TestGapsFilled loses 1, 10 and 10^5 messages of an old publisher on the way, and kills its replay server in the middle, and
// holds that each message comes once and in order, from a server that knows ranges and from one that fails on them.
func TestGapsFilled(t *testing.T) {
	for _, kind := range []string{"broken", "mended"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			db := filepath.Join(t.TempDir(), "store")
			pub := oldbus(t, "publish", db, "tcp://127.0.0.1:*")
			rep := oldbus(t, "replay", db, "tcp://127.0.0.1:*", kind)
			items, _ := hear(t, mesh.SubscribeOptions{
				Services: []mesh.Service{old(pub, rep)}, Replay: true, After: map[string]uint64{"old.host": 0},
			})
			pub.do(map[string]any{"wait": 1, "count": 5})
			wantNumbers(t, items, 1, 5)
			at := 5
			for _, lost := range []int{1, 10, 100_000} {
				pub.do(map[string]any{"count": lost, "lose": true})
				pub.do(map[string]any{"count": 3})
				half := at + lost/2
				wantNumbers(t, items, at+1, half)
				rep.Kill()
				pub.do(map[string]any{"count": 3})
				rep = oldbus(t, "replay", db, rep.uri, kind)
				at += lost + 6
				wantNumbers(t, items, half+1, at)
			}
		})
	}
}

// TestOthersGoOn holds that while one service waits for what is missing, and nobody answers, others are heard.
func TestOthersGoOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pub := oldbus(t, "publish", filepath.Join(dir, "store"), "tcp://127.0.0.1:*")
	rep := oldbus(t, "replay", filepath.Join(dir, "store"), "tcp://127.0.0.1:*", "mended")
	p := publisher(t, dir)
	failed := make(chan mesh.Event, 64)
	items, _ := hear(t, mesh.SubscribeOptions{
		File: dir + "/endpoints", Services: []mesh.Service{old(pub, rep)}, Replay: true,
		After: map[string]uint64{"old.host": 0, "shop.host": 0},
		Report: func(e mesh.Event) {
			if e.Kind == mesh.ReplayFailed {
				failed <- e
			}
		},
	})
	pub.do(map[string]any{"wait": 1, "count": 1})
	wantNumbers(t, items, 1, 1)
	rep.Kill()
	pub.do(map[string]any{"count": 10, "lose": true})
	pub.do(map[string]any{"count": 1})
	<-failed
	publish(t, p, 1, 100)
	for n := 1; n <= 100; n++ {
		if g := next(t, items); g.Service != "shop.host" || g.SeqID != uint64(n) {
			t.Fatalf("want %d of shop.host, got %s", n, g)
		}
	}
	oldbus(t, "replay", filepath.Join(dir, "store"), rep.uri, "mended")
	for n := 2; n <= 12; n++ {
		if g := next(t, items); g.Service != "old.host" || g.SeqID != uint64(n) || g.Replayed != (n < 12) {
			t.Fatalf("want %d of old.host, got %s", n, g)
		}
	}
}

// TestGapTold holds that a gap is told where nobody can fill it, with the reason, and that what comes behind it is given.
func TestGapTold(t *testing.T) {
	cases := []struct {
		reason mesh.GapReason
		server string // mended; none; dead; empty
	}{
		{mesh.GapNoReplay, "none"}, {mesh.GapUnanswered, "dead"}, {mesh.GapNotKept, "empty"},
	}
	for _, c := range cases {
		t.Run(c.server, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			pub := oldbus(t, "publish", filepath.Join(dir, "store"), "tcp://127.0.0.1:*")
			s := old(pub, nil)
			switch c.server {
			case "dead":
				rep := oldbus(t, "replay", filepath.Join(dir, "other"), "tcp://127.0.0.1:*", "mended")
				s.Replay = rep.uri
				rep.Kill()
			case "empty":
				s.Replay = oldbus(t, "replay", filepath.Join(dir, "other"), "tcp://127.0.0.1:*", "mended").uri
			}
			items, _ := hear(t, mesh.SubscribeOptions{
				Services: []mesh.Service{s}, Replay: true, After: map[string]uint64{"old.host": 1}, Patience: 1,
			})
			pub.do(map[string]any{"wait": 1, "count": 11, "lose": true})
			pub.do(map[string]any{"count": 2})
			pub.do(map[string]any{"count": 1, "lose": true})
			pub.do(map[string]any{"count": 2})
			for range 2 {
				g := next(t, items)
				gap, ok := errors.AsType[*mesh.Gap](g.err)
				if !ok || gap.Reason != c.reason || gap.Service != "old.host" {
					t.Fatalf("want a gap, %s; got %s", c.reason, g)
				}
				switch gap.From {
				case 2:
					wantNumbers(t, items, int(gap.To)+1, 13)
				case 14:
					wantNumbers(t, items, int(gap.To)+1, 16)
				default:
					t.Fatal(gap)
				}
			}
		})
	}
}

// TestRepeatedIsDropped sends messages again, and late, and holds that each is given once.
func TestRepeatedIsDropped(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "store")
	pub := oldbus(t, "publish", db, "tcp://127.0.0.1:*")
	rep := oldbus(t, "replay", db, "tcp://127.0.0.1:*", "mended")
	items, _ := hear(t, mesh.SubscribeOptions{Services: []mesh.Service{old(pub, rep)}, Replay: true, After: map[string]uint64{"old.host": 0}})
	pub.do(map[string]any{"wait": 1, "count": 3, "lose": true})
	raw := func(n int) map[string]any {
		body := fmt.Sprintf(`{"i":%[1]d,"msg":{"n":%[1]d},"msg_id":"2023-%036[1]d","seq_id":%[1]d,"timestamp":%d,"topic":"t","username":"u"}`, n, 1700000000+n)
		return map[string]any{"frames": []string{fmt.Sprintf("%x", "t"), fmt.Sprintf("%x", body)}}
	}
	for _, n := range []int{3, 3, 2, 1, 3} {
		pub.do(raw(n))
	}
	pub.do(map[string]any{"count": 2})
	wantNumbers(t, items, 1, 5)
}

// TestWithoutNumbers passes messages through that have none.
func TestWithoutNumbers(t *testing.T) {
	t.Parallel()
	pub := oldbus(t, "publish", filepath.Join(t.TempDir(), "store"), "tcp://127.0.0.1:*")
	items, _ := hear(t, mesh.SubscribeOptions{Services: []mesh.Service{old(pub, nil)}, Replay: true})
	pub.do(map[string]any{"wait": 1, "count": 5, "numbers": false})
	for range 5 {
		if g := next(t, items); g.err != nil || g.SeqID != 0 || g.Endpoint != pub.uri || g.Service != "old.host" {
			t.Fatalf("got %s", g)
		}
	}
}

// TestOldFrames has a process of the old bus send the recorded frames of relays, and counts what is no message.
func TestOldFrames(t *testing.T) {
	t.Parallel()
	var v struct {
		Relay []struct {
			In []string `json:"in_hex"`
		} `json:"relay"`
	}
	readJSON(t, fedmsgtest.Shared(t, "interop", "vectors", "x06_relays.json"), &v)
	pub := oldbus(t, "publish", filepath.Join(t.TempDir(), "store"), "tcp://127.0.0.1:*")
	malformed := make(chan mesh.Event, 64)
	items, _ := hear(t, mesh.SubscribeOptions{Services: []mesh.Service{old(pub, nil)}, Report: func(e mesh.Event) {
		if e.Kind == mesh.Malformed {
			malformed <- e
		}
	}})
	pub.do(map[string]any{"wait": 1})
	bad := 0
	for _, c := range v.Relay {
		pub.do(map[string]any{"frames": c.In})
	}
	for i, c := range v.Relay {
		if len(c.In) != 2 {
			bad++
			continue
		}
		if g := next(t, items); g.err != nil || fmt.Sprintf("%x", g.Frames[0]) != c.In[0] || fmt.Sprintf("%x", g.Frames[1]) != c.In[1] {
			t.Errorf("case %d came as %x, %v", i, g.Frames, g.err)
		}
	}
	for range bad {
		<-malformed
	}
	if bad != 3 || len(malformed) > 0 {
		t.Errorf("%d recorded messages are none, and %d more were told of", bad, len(malformed))
	}
}
