package process

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// killer is a program that writes the id of each message into a file of its own, and ends the node that started it, as kill -9
// does, where its plan says: before it writes, when it has written, or some turns of a loop behind its own end, so that the node
// hears of the end, saves the place and starts it for the next message, or not any more.
type killer struct{ dir, program string }

func newKiller(t *testing.T) *killer {
	t.Helper()
	k := &killer{dir: t.TempDir()}
	k.program = program(t, `cd "$1" || exit 1
cat > /dev/null
node=0 point=none
[ ! -e plan ] || read -r node lines point turns < plan
if [ "$node" != "$PPID" ] || [ "$(wc -l < out)" -lt "$lines" ] || ! mv plan taken; then point=none; fi
if [ $point = before ]; then kill -9 $PPID; exit 1; fi
echo "$FEDMSG_ID" >> out
if [ $point = written ]; then kill -9 $PPID; exit 1; fi
if [ $point = behind ]; then
	(while [ $turns -gt 0 ]; do turns=$((turns-1)); done; kill -9 $PPID) < /dev/null > /dev/null 2>&1 &
fi`)
	if err := os.WriteFile(filepath.Join(k.dir, "out"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return k
}

// config is the sink.
func (k *killer) config() string {
	return fmt.Sprintf("[[sink]]\nname = \"file\"\ncommand = [%q, %q]\ntopics = [\"#\"]\nstart = \"beginning\"\nretry_first = \"10ms\"\n", k.program, k.dir)
}

// plan has the node killed at a point, when the file has so many lines more.
func (k *killer) plan(t *testing.T, node *fedmsgtest.Node, lines int, point string, turns int) {
	t.Helper()
	text := fmt.Sprintf("%d %d %s %d\n", node.PID(), len(k.ids(t))+lines, point, turns)
	name := filepath.Join(k.dir, "plan")
	if err := os.WriteFile(name+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

// ids gives the lines of the file.
func (k *killer) ids(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(k.dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(b))
}

// TestKillBetweenDeliveryAndPlace kills the node at random points of attempt, answer and saving, and asks the program's own file:
// everything acknowledged was given to it at least once, in the log's order, and each life went on where the one before it may have
// ended.
func TestKillBetweenDeliveryAndPlace(t *testing.T) {
	t.Parallel()
	rnd := random(t)
	k := newKiller(t)
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: k.config()})
	acked := map[string]bool{}
	kills := fedmsgtest.Count(20, 200)
	for round := range kills {
		point := []string{"before", "written", "behind", "behind"}[rnd.IntN(4)]
		k.plan(t, node, rnd.IntN(8), point, rnd.IntN(20_000))
		publishUntilKilled(t, node, round, acked)
		if _, err := node.Ended(); err != nil {
			t.Fatalf("round %d, %s: %v", round, point, err)
		}
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
	}
	want := idsOf(t, node)
	got := k.await(t, len(want))
	if first := firsts(got); strings.Join(first, " ") != strings.Join(want, " ") {
		t.Errorf("the file has, each at its first appearance,\n%s\nwant\n%s", first, want)
	}
	for _, id := range want {
		delete(acked, id)
	}
	if len(acked) > 0 {
		t.Errorf("%d acknowledged messages are not in the log", len(acked))
	}
	if back := steps(want, got); back > kills || back == 0 {
		t.Errorf("the file goes back %d times after %d kills; each takes it back once at most, and some must have hit between delivery and place", back, kills)
	}
	if s := sinkOf(t, node, "file"); s.Dead > 0 {
		t.Errorf("%d dead letters: %s", s.Dead, s.LastError)
	}
	t.Logf("%d messages, %d kills, %d repeated", len(want), kills, len(got)-len(want))
}

// publishUntilKilled publishes some messages, as far as the node lives, and notes which were acknowledged.
func publishUntilKilled(t *testing.T, node *fedmsgtest.Node, round int, acked map[string]bool) {
	t.Helper()
	var lines bytes.Buffer
	for n := range 12 {
		fmt.Fprintf(&lines, `{"id":"kill-%d-%d","topic":"org.example.dev.lab.step","msg":{"n":%d}}`+"\n", round, n, n)
	}
	err := node.PublishLines(t.Context(), io.Reader(&lines), func(n int, o fedmsg.Outcome) {
		if o.Err != nil {
			t.Errorf("kill-%d-%d: %v", round, n, o.Err)
			return
		}
		acked[o.Receipt.ID] = true
	})
	_ = err // the node was killed while it answered
}

// idsOf gives the ids in the node's log, in its order.
func idsOf(t *testing.T, node *fedmsgtest.Node) (ids []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	end := publish(t, node, "last", 1)
	err := node.Follow(ctx, "after=0", func(i fedmsgtest.Item) bool {
		if i.Entry != nil {
			ids = append(ids, i.Entry.ID)
		}
		return i.Entry == nil || i.Entry.Position != end.Position
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// await waits until the file has so many different lines.
func (k *killer) await(t *testing.T, n int) []string {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); ; <-tick.C {
		ids := k.ids(t)
		if len(firsts(ids)) >= n {
			return ids
		}
		if time.Now().After(end) {
			t.Fatalf("the file has %d different lines, want %d", len(firsts(ids)), n)
		}
	}
}

// steps counts how often the lines go back in the log's order.
func steps(order, lines []string) (back int) {
	place := map[string]int{}
	for i, id := range order {
		place[id] = i
	}
	for i := 1; i < len(lines); i++ {
		if place[lines[i]] <= place[lines[i-1]] {
			back++
		}
	}
	return back
}

// firsts gives the lines without repetitions.
func firsts(lines []string) (first []string) {
	seen := map[string]bool{}
	for _, l := range lines {
		if !seen[l] {
			first = append(first, l)
		}
		seen[l] = true
	}
	return first
}
