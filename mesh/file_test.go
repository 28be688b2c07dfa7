package mesh_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg/mesh"
)

// writeFile puts an endpoints file in place of the old one.
func writeFile(t testing.TB, path string, lines ...string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// TestFileChanges edits the file while it is listened to: services come, go, come back and move, and lines that make no sense
// hide nobody.
func TestFileChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := dir + "/list"
	var publishers []*mesh.Publisher
	line := func(i int) string {
		s := publishers[i].Service()
		return s.Name + " " + s.Addresses[0] + "\treplay=" + s.Replay + " # of a test"
	}
	for i := range 3 {
		publishers = append(publishers, publisher(t, dir, func(o *mesh.PublisherOptions) { o.Name = fmt.Sprintf("p%d.host", i); o.File = "" }))
	}
	report, told := events(mesh.EndpointUp, mesh.EndpointGone, mesh.SourceFault, mesh.SourceFailed)
	items, _ := hear(t, mesh.SubscribeOptions{File: file, Replay: true, Oldest: true, Report: report})
	count := make(map[int]int)
	say := func(i int, heard bool) {
		t.Helper()
		count[i]++
		publish(t, publishers[i], count[i], count[i])
		if heard {
			wantFrom(t, items, publishers[i], count[i])
		}
	}
	wantEvent(t, told, mesh.SourceFailed, file) // it is not there yet
	writeFile(t, file, line(0), "# nobody", "nonsense tcp://*:1", "", line(1))
	wantEvent(t, told, mesh.SourceFault, file)
	wantEvent(t, told, mesh.EndpointUp, "")
	wantEvent(t, told, mesh.EndpointUp, "")
	say(0, true)
	say(1, true)
	writeFile(t, file, line(1), line(2))
	for range 2 {
		if e := <-told; e.Endpoint != publishers[0].Addresses()[0] && e.Endpoint != publishers[2].Addresses()[0] {
			t.Fatal(e)
		}
	}
	say(0, false)
	say(2, true)
	say(1, true)
	writeFile(t, file, line(0), line(1), line(2)) // it comes back: what was missed is given, and nothing twice
	wantEvent(t, told, mesh.EndpointUp, publishers[0].Addresses()[0])
	wantFrom(t, items, publishers[0], 2)
	if err := os.Remove(file); err != nil { // what it said holds
		t.Fatal(err)
	}
	wantEvent(t, told, mesh.SourceFailed, file)
	for i := range 3 {
		say(i, true)
	}
}

// wantFrom holds that a message with a number comes next.
func wantFrom(t testing.TB, items <-chan got, p *mesh.Publisher, n int) {
	t.Helper()
	if g := next(t, items); g.err != nil || g.Service != p.Service().Name || g.SeqID != uint64(n) {
		t.Fatalf("want %d of %s, got %s", n, p.Service().Name, g)
	}
}

// TestDeadDelayNobody lists hosts that nobody knows, ports where nobody is, and one where somebody never says a word, and
// holds that a service among them is heard at once.
func TestDeadDelayNobody(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	services := []mesh.Service{{Name: "silent.host", Addresses: []string{"tcp://" + silent.Addr().String()}, Replay: "tcp://" + silent.Addr().String()}}
	for i := range 50 {
		services = append(services,
			mesh.Service{Name: fmt.Sprintf("unknown%d.host", i), Addresses: []string{fmt.Sprintf("tcp://host%d.invalid:3000", i)}},
			mesh.Service{Name: fmt.Sprintf("dead%d.host", i), Addresses: []string{"tcp://127.0.0.1:1"}, Replay: "tcp://127.0.0.1:1"})
	}
	p := publisher(t, dir)
	ns := dnsmasq(t, "local=/invalid/")
	all, told := events(mesh.EndpointDown, mesh.EndpointUnresolvable)
	report := func(e mesh.Event) {
		if e.Service != "silent.host" { // which is told of when its time for the handshake is over
			all(e)
		}
	}
	items, _ := hear(t, mesh.SubscribeOptions{File: dir + "/endpoints", Services: services, Resolver: ns.address, Replay: true, Oldest: true, Report: report})
	publish(t, p, 1, 100)
	wantNumbers(t, items, 1, 100)
	kinds := make(map[mesh.EventKind]int)
	for range 100 {
		kinds[(<-told).Kind]++
	}
	if kinds[mesh.EndpointDown] != 50 || kinds[mesh.EndpointUnresolvable] != 50 {
		t.Errorf("told of %v", kinds)
	}
}

// TestAnnounceTogether has many publishers announce and withdraw at once, in a file that people write too.
func TestAnnounceTogether(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/endpoints"
	const said = "# by hand\nother.host tcp://other.host:3000 # stays\n"
	if err := os.WriteFile(file, []byte(said+"p3.host tcp://old.host:1"), 0o640); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			s := mesh.Service{Name: fmt.Sprintf("p%d.host", i), Addresses: []string{fmt.Sprintf("tcp://h:%d", 3000+i)}}
			if err := mesh.Announce(context.Background(), file, s); err != nil {
				t.Error(err)
			}
			if i%2 == 0 {
				if err := mesh.Withdraw(context.Background(), file, s); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	services, faults := mesh.ParseEndpoints(text)
	if len(services) != 16 || len(faults) > 0 || !strings.HasPrefix(string(text), said) || strings.Contains(string(text), "old.host") {
		t.Errorf("%d services, %v:\n%s", len(services), faults, text)
	}
	if info, _ := os.Stat(file); info.Mode().Perm() != 0o640 {
		t.Errorf("the mode became %v", info.Mode())
	}
	// Another publisher has the name by now: its line is not for the first one to take out.
	if err := mesh.Withdraw(context.Background(), file, mesh.Service{Name: "p1.host", Addresses: []string{"tcp://h:1"}}); err != nil {
		t.Fatal(err)
	}
	if now, _ := os.ReadFile(file); string(now) != string(text) {
		t.Error("the line of another was taken out")
	}
}

// TestParseEndpoints reads lines, good and bad.
func TestParseEndpoints(t *testing.T) {
	const key = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
	const hashKey = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8#yf7" // # is one of the characters of keys
	cases := []struct{ line, want, fault string }{
		{line: "a.h tcp://h:1", want: "a.h tcp://h:1"},
		{line: " a.h\ttcp://h:1  tcp://[::1]:2 ipc:///run/x replay=tcp://h:3 key=" + key, want: "a.h tcp://h:1 tcp://[::1]:2 ipc:///run/x replay=tcp://h:3 key=" + key},
		{line: "a.h tcp://h:1 key=" + hashKey + " # of the hub", want: "a.h tcp://h:1 key=" + hashKey},
		{line: "# nothing"},
		{line: "  #nothing tcp://h:1"},
		{line: ""},
		{line: "a.h", fault: "has no address"},
		{line: "a/h tcp://h:1", fault: "is not the name"},
		{line: "a.h udp://h:1", fault: "begins neither"},
		{line: "a.h tcp://h", fault: "is not tcp://HOST:PORT"},
		{line: "a.h tcp://*:1", fault: "names no host"},
		{line: "a.h tcp://h:0", fault: "has no port"},
		{line: "a.h tcp://h:70000", fault: "has no port"},
		{line: "a.h tcp://h:1 key=short", fault: "40 characters"},
		{line: "a.h tcp://h:1 replay=x", fault: "begins neither"},
	}
	for _, c := range cases {
		services, faults := mesh.ParseEndpoints([]byte("x.h tcp://x:9\n" + c.line + "\n"))
		switch {
		case c.fault != "":
			if len(faults) != 1 || !strings.Contains(faults[0].Error(), c.fault) || !strings.HasPrefix(faults[0].Error(), "line 2: ") || len(services) != 1 {
				t.Errorf("%q: %v, %v", c.line, services, faults)
			}
		case len(faults) > 0:
			t.Errorf("%q: %v", c.line, faults)
		case c.want == "" && len(services) != 1, c.want != "" && (len(services) != 2 || services[1].String() != c.want):
			t.Errorf("%q: %v", c.line, services)
		}
	}
	if services, _ := mesh.ParseEndpoints([]byte("a tcp://h:1\nb tcp://h:2\na tcp://h:1 tcp://h:3 replay=tcp://h:4")); len(services) != 2 || services[0].String() != "a tcp://h:1 tcp://h:3 replay=tcp://h:4" {
		t.Errorf("two lines of one name: %v", services)
	}
}
