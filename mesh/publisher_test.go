package mesh_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/mesh"
)

// TestOrder publishes from many goroutines, and holds that what comes is in the order of the numbers and of the counter of the
// run, and for each goroutine in the order of its calls.
func TestOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := publisher(t, dir)
	items, _ := hear(t, mesh.SubscribeOptions{File: dir + "/endpoints"})
	if err := p.WaitSubscribers(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	const callers, each = 8, 200
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for n := range each {
				if _, err := p.Publish(t.Context(), "org.example.dev.count", map[string]int{"caller": c, "n": n}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var order [callers]int
	for n := 1; n <= callers*each; n++ {
		g := next(t, items)
		var said struct {
			I, N uint64
			Msg  struct{ Caller, N int }
		}
		if err := json.Unmarshal(g.Frames[1], &said); err != nil || g.SeqID != uint64(n) || said.I != said.N || said.N != uint64(n) || said.Msg.N != order[said.Msg.Caller] {
			t.Fatalf("%d: %s, %v", n, g.Frames[1], err)
		}
		order[said.Msg.Caller]++
	}
	wg.Wait()
}

// TestOldClients has clients on libzmq hear a publisher and ask it as the old ones did.
func TestOldClients(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := publisher(t, dir, func(o *mesh.PublisherOptions) { o.Keep = 100 })
	listener := oldbus(t, "listen", p.Addresses()[0])
	if err := p.WaitSubscribers(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	publish(t, p, 1, 5)
	heard := listener.do(map[string]any{"count": 5}).Messages
	asker := oldbus(t, "ask", p.Service().Replay)
	var live []string
	for _, m := range heard {
		if len(m) != 2 || m[0] != "org.example.dev.shop.sold" {
			t.Fatalf("%q", m)
		}
		live = append(live, m[1])
	}
	var second struct {
		ID string `json:"msg_id"`
	}
	if err := json.Unmarshal([]byte(live[1]), &second); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		ask  string
		want []string
	}{
		{`{"seq_id_range":[2,4]}`, live[1:4]},
		{`{"seq_ids":[3,1,1,99]}`, []string{live[0], live[2]}},
		{`{"seq_id":5}`, live[4:]},
		{`{"msg_id":"` + second.ID + `"}`, live[1:2]},
		{`{"msg_ids":["` + second.ID + `"],"seq_id":1}`, live[:2]},
		{`{"time":[0,4000000000]}`, live},
		{`{}`, live},
		{`{"seq_id":6}`, []string{"error: 'There was no match for the given query'"}},
		{`{"bogus":1}`, []string{`error: 'Unsupported field: "key"'`}},
		{`[1]`, []string{"error: 'The query is not a JSON object'"}},
		{`{"seq_id_range":[2]}`, []string{`error: 'Ill-format "sed_id_range" field'`}},
	}
	for _, c := range cases {
		if got := asker.do(map[string]any{"ask": c.ask}).Frames; !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.ask, got, c.want)
		}
	}
	publish(t, p, 6, 250) // only the newest are kept
	if got := asker.do(map[string]any{"ask": `{}`}).Frames; len(got) != 100 || !strings.Contains(got[0], `"seq_id":151,`) {
		t.Errorf("%d are kept, from %s on", len(got), got[0])
	}
}

// TestPorts takes the first free port of the range, and another one for replay.
func TestPorts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var taken net.Listener
	var first int
	for taken == nil { // three ports in a row, the first of which is taken
		port := fedmsgtest.FreePort()
		if first, _ = strconv.Atoi(port); !free(first+1) || !free(first+2) {
			continue
		}
		var err error
		if taken, err = net.Listen("tcp", "127.0.0.1:"+port); err != nil {
			t.Fatal(err)
		}
	}
	defer taken.Close()
	ports := fmt.Sprintf("%d-%d", first, first+2)
	p := publisher(t, dir, func(o *mesh.PublisherOptions) { o.Ports, o.Advertise = ports, "localhost" })
	want := mesh.Service{Name: "shop.host", Addresses: []string{fmt.Sprintf("tcp://localhost:%d", first+1)}, Replay: fmt.Sprintf("tcp://localhost:%d", first+2)}
	if got := p.Service(); got.String() != want.String() {
		t.Errorf("got %v, want %v", got, want)
	}
	_, err := mesh.NewPublisher(mesh.PublisherOptions{Name: "other.host", Host: "127.0.0.1", Ports: ports, File: dir + "/endpoints"})
	if fedmsg.CodeOf(err) != fedmsg.CodeCannotMake {
		t.Errorf("all ports are taken: %v", err)
	}
	text, _ := os.ReadFile(dir + "/endpoints")
	if !bytes.Equal(text, []byte(want.String()+"\n")) {
		t.Errorf("the file says %s", text)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if text, _ = os.ReadFile(dir + "/endpoints"); len(text) > 0 {
		t.Errorf("after Close the file says %s", text)
	}
}

// free reports whether a port can be bound.
func free(port int) bool {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err == nil {
		l.Close()
	}
	return err == nil
}

// TestSlowConsumer lets a consumer stop for a while in which more is sent than anybody keeps for it, and holds that it is given
// everything afterwards.
func TestSlowConsumer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const count = 30_000
	p := publisher(t, dir, func(o *mesh.PublisherOptions) { o.Keep, o.ZMTP.SendLimit = count, 100 })
	items, _ := hear(t, mesh.SubscribeOptions{File: dir + "/endpoints", Oldest: true, Replay: true, Waiting: 50})
	if err := p.WaitSubscribers(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	publish(t, p, 1, count)
	asked := 0
	for n := 1; n <= count; n++ {
		g := next(t, items)
		if g.err != nil || g.SeqID != uint64(n) {
			t.Fatalf("want %d, got %s", n, g)
		}
		if g.Replayed {
			asked++
		}
	}
	if asked == 0 {
		t.Error("nothing had to be asked for; the test tests nothing")
	}
}

// TestNowOn begins a service that is not in After with what is sent from now on, also where it is found late.
func TestNowOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	items, _ := hear(t, mesh.SubscribeOptions{File: dir + "/endpoints", Replay: true})
	p := publisher(t, dir)
	publish(t, p, 1, 10) // the file was not read yet
	wantNumbers(t, items, 1, 10)
}
