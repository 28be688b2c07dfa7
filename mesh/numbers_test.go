package mesh_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/mesh"
)

// TestCountsAnew takes a publisher's count away between two runs, and holds that subscribers are told and hear what the new run
// says, those that were connected and those that were not.
func TestCountsAnew(t *testing.T) {
	for _, more := range []int{3, 10, 30} { // messages of the new run: fewer, as many and more than the old run had
		t.Run(fmt.Sprint(more), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p := publisher(t, dir)
			items, _ := hear(t, mesh.SubscribeOptions{File: dir + "/endpoints", Oldest: true, Replay: true})
			publish(t, p, 1, 10)
			wantNumbers(t, items, 1, 10)
			p.Close()
			if err := os.RemoveAll(dir + "/state"); err != nil {
				t.Fatal(err)
			}
			p = publisher(t, dir)
			publish(t, p, 1, more)
			if more < 10 { // nobody can know before something comes live
				if err := p.WaitSubscribers(t.Context(), 1); err != nil {
					t.Fatal(err)
				}
				more++
				publish(t, p, more, more)
			}
			g := next(t, items)
			gap, ok := errors.AsType[*mesh.Gap](g.err)
			if !ok || gap.Reason != mesh.GapRenumbered || gap.From != 11 || gap.To != 0 {
				t.Fatalf("want to be told, got %s", g)
			}
			wantNumbers(t, items, 1, more)
		})
	}
}

// TestGoesOn opens a publisher again: the numbers go on, and subscribers see no gap.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	items, _ := hear(t, mesh.SubscribeOptions{File: dir + "/endpoints", Oldest: true, Replay: true})
	for run := range 5 {
		p := publisher(t, dir)
		if err := p.WaitSubscribers(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		publish(t, p, run*10+1, run*10+10)
		wantNumbers(t, items, run*10+1, run*10+10)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTwoOfOneName refuses the second publisher of a name.
func TestTwoOfOneName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	publisher(t, dir)
	_, err := mesh.NewPublisher(mesh.PublisherOptions{Name: "shop.host", Host: "127.0.0.1", Ports: "0", State: dir + "/state"})
	if fedmsg.CodeOf(err) != fedmsg.CodeLocked {
		t.Errorf("got %v", err)
	}
}

// childDir tells a run of this test program that it is a publisher to be killed.
const childDir = "FEDMSG_MESH_TEST_CHILD"

// TestKilledPublisher kills a publisher in the middle, again and again, and holds that no number is given to two messages, and
// that who hears is told of each one that is missing.
func TestKilledPublisher(t *testing.T) {
	if dir := os.Getenv(childDir); dir != "" {
		publishForEver(dir)
		return
	}
	t.Parallel()
	dir := t.TempDir()
	items, _ := hear(t, mesh.SubscribeOptions{File: dir + "/endpoints", Oldest: true, Replay: true, Patience: 1})
	seen := make(map[uint64]string)
	var last uint64
	runs := fedmsgtest.Count(5, 20)
	for run := range runs {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledPublisher$")
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if !bufio.NewScanner(out).Scan() {
			t.Fatal("the publisher does not start")
		}
		for range 200 {
			g := next(t, items)
			if gap, ok := errors.AsType[*mesh.Gap](g.err); ok {
				if gap.From != last+1 || gap.To > last+100_000 || gap.Reason == mesh.GapRenumbered {
					t.Fatalf("run %d, behind %d: %v", run, last, gap)
				}
				last = gap.To
				continue
			}
			text := string(g.Frames[1])
			if was, again := seen[g.SeqID]; again || g.SeqID != last+1 {
				t.Fatalf("run %d, behind %d: number %d is %s, and was %q", run, last, g.SeqID, text, was)
			}
			last = g.SeqID
			seen[last] = text
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
	}
	t.Logf("%d messages of %d runs", len(seen), runs)
}

// publishForEver is the publisher that is killed.
func publishForEver(dir string) {
	p, err := mesh.NewPublisher(mesh.PublisherOptions{Name: "shop.host", Host: "127.0.0.1", Ports: "0", File: dir + "/endpoints", State: dir + "/state"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("ready")
	for n := 0; ; n++ {
		if _, err := p.Publish(context.Background(), "org.example.dev.shop.sold", map[string]string{"n": strings.Repeat("x", n%100)}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
