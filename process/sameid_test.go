package process

import (
	"fmt"
	"os/exec"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// post sends a body with curl over the node's socket: a process of its own, and a client that is not ours.
func post(curl string, node *fedmsgtest.Node, body []byte) fedmsg.Outcome {
	out, err := exec.Command(curl, "-sS", "--max-time", "60", "--unix-socket", node.Socket,
		"-H", "Content-Type: application/json", "--data-binary", string(body), "http://localhost/v1/messages").Output()
	if err != nil {
		return fedmsg.Outcome{Err: err}
	}
	return fedmsgtest.ParseOutcome(out)
}

// TestSameIDEqual has three processes publish the same message under the same id at once: one entry, the same receipt for
// all, and exactly two of them are told that it is a duplicate; after a restart, a fourth.
func TestSameIDEqual(t *testing.T) {
	t.Parallel()
	curl := fedmsgtest.Tool(t, "curl")
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	rounds := fedmsgtest.Count(10, 100)
	firsts := make(map[string]fedmsg.Receipt)
	for i := range rounds {
		id := fmt.Sprintf("equal-%d", i)
		outcomes := three(func(int) fedmsg.Outcome { return post(curl, node, submission(id, i)) })
		firsts[id] = sameReceipt(t, outcomes)
	}
	verify(t, node, firsts)
	node.Restart(t)
	for i := range rounds {
		id := fmt.Sprintf("equal-%d", i)
		o := post(curl, node, submission(id, i))
		if o.Err != nil || !o.Receipt.Duplicate || o.Receipt.Position != firsts[id].Position {
			t.Fatalf("%s after a restart: %+v, want the duplicate of %s", id, o, firsts[id].Position)
		}
	}
	if last := node.Log(t).Last; last != uint64(rounds) {
		t.Errorf("the log holds %d entries, want %d", last, rounds)
	}
}

// TestSameIDUnequal has three processes publish different messages under the same id at once: exactly one is stored and
// two are told of the conflict.
func TestSameIDUnequal(t *testing.T) {
	t.Parallel()
	curl := fedmsgtest.Tool(t, "curl")
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	rounds := fedmsgtest.Count(10, 100)
	for i := range rounds {
		id := fmt.Sprintf("unequal-%d", i)
		outcomes := three(func(p int) fedmsg.Outcome { return post(curl, node, submission(id, 1000*i+p)) })
		accepted := 0
		for _, o := range outcomes {
			switch {
			case o.Err == nil && !o.Receipt.Duplicate:
				accepted++
			case fedmsg.CodeOf(o.Err) != fedmsg.CodeIDConflict:
				t.Errorf("%s: %+v, want a receipt or %s", id, o, fedmsg.CodeIDConflict)
			}
		}
		if accepted != 1 {
			t.Errorf("%s: %d of three unequal messages were accepted: %+v", id, accepted, outcomes)
		}
	}
	if last := node.Log(t).Last; last != uint64(rounds) {
		t.Errorf("the log holds %d entries, want %d", last, rounds)
	}
}

// three calls f at once for 0, 1 and 2.
func three(f func(int) fedmsg.Outcome) [3]fedmsg.Outcome {
	var outcomes [3]fedmsg.Outcome
	var wg sync.WaitGroup
	for p := range outcomes {
		wg.Go(func() { outcomes[p] = f(p) })
	}
	wg.Wait()
	return outcomes
}

// sameReceipt fails the test unless all have the same receipt, one as the first and the others as duplicates.
func sameReceipt(t *testing.T, outcomes [3]fedmsg.Outcome) fedmsg.Receipt {
	t.Helper()
	var first fedmsg.Receipt
	duplicates := 0
	for _, o := range outcomes {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		if o.Receipt.Duplicate {
			duplicates++
		} else {
			first = o.Receipt
		}
	}
	for _, o := range outcomes {
		if o.Receipt.Position != first.Position || !o.Receipt.Received.Equal(first.Received) {
			t.Errorf("receipts differ: %+v and %+v", o.Receipt, first)
		}
	}
	if duplicates != 2 {
		t.Errorf("%d of three equal messages were duplicates, want 2: %+v", duplicates, outcomes)
	}
	return first
}
