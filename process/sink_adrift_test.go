package process

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// smallLog has retention remove what is old behind a mebibyte.
const smallLog = "[log]\nsegment_bytes = \"64KiB\"\nmax_bytes = \"1MiB\"\n"

// spoil writes into the file of a sink's place what is no position. The node does not run.
func spoil(t *testing.T, node *fedmsgtest.Node, sink string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(node.State, "readers", "sink-"+sink), []byte("\x00yesterday\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSinkPlaceDamaged holds that a node starts whose sink has a damaged place, and goes on in all else: it takes messages, also beyond
// the size of its log, and delivers them elsewhere; that the sink says that it has stopped, where it stood at least and what to do; and
// that it goes on where it is put, over restarts.
func TestSinkPlaceDamaged(t *testing.T) {
	t.Parallel()
	rec, other := newRecorder(t), newRecorder(t)
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: smallLog + rec.config("rabbit") + other.config("other")})
	last := delivered(t, node, numbered(1, "a.b.c", ""), "rabbit,other")
	node.Stop(t)
	spoil(t, node, "rabbit")
	if err := os.WriteFile(filepath.Join(node.State, "sinks", "other", "filter"), []byte("\x00"), 0o600); err != nil { // which stops nothing
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	delivered(t, node, numbered(2, "a.b.c", ""), "other")
	if w := sinksOf(t, node, "n-2"); w.states() != "rabbit=pending other=delivered" || !strings.Contains(w.Sinks[0].Reason, "saved place") {
		t.Errorf("%+v", w.Sinks)
	}
	cure := "fedmsg sink rewind rabbit --to " + last.Position.String()
	for range 2 {
		s := sinkOf(t, node, "rabbit")
		if s.State != deliver.StateStopped || s.Position != last.Position || s.Lag != 1 {
			t.Errorf("%+v", s)
		}
		table := cliOK(t, node, "sink", "ls")
		for _, want := range []string{"rabbit  stopped", "other   running", "readers/sink-rabbit is damaged", "--to " + last.Position.String(), `"\x00yesterday"`} {
			if !strings.Contains(table, want) {
				t.Errorf("sink ls does not say %q:\n%s", want, table)
			}
		}
		if said := node.Said("not delivering to "); len(said) != 1 || !strings.Contains(said[0], "sink rabbit has stopped") {
			t.Errorf("at the start it says %q", said)
		}
		status, body, err := node.Get(t.Context(), "/healthz")
		if err != nil || status != http.StatusServiceUnavailable || !strings.Contains(string(body), "fedmsg sink rewind rabbit --to POSITION") || strings.Contains(string(body), node.State) {
			t.Errorf("health is %d %s %v", status, body, err)
		}
		if status, _, err := node.Get(t.Context(), "/readyz"); err != nil || status != http.StatusOK {
			t.Errorf("the node takes nothing: %d %v", status, err)
		}
		node.Restart(t)
	}
	if n := strings.Count(node.Logs(), "a sink has stopped"); n != 3 {
		t.Errorf("%d lines of the log tell that it has stopped, want one at each start", n)
	}
	first := cliOK(t, node, strings.Fields(cure)[1:]...)
	if first != "rewound rabbit at "+last.Position.String()+"\n" {
		t.Errorf("rewind says %q", first)
	}
	delivered(t, node, numbered(2, "a.b.c", ""), "rabbit")
	node.Restart(t)
	delivered(t, node, numbered(3, "a.b.c", ""), "rabbit,other")
	if rec.numbers() != "1 2 3" || other.numbers() != "1 2 3" {
		t.Errorf("rabbit has %q, the other %q", rec.numbers(), other.numbers())
	}
}

// TestSinkPlaceDamagedHolds holds what a place that cannot be read keeps in the log: nothing where the sink does not hold, so that the
// node goes on to take messages; all that there is where it holds, as it was asked for, until the sink has a place again.
func TestSinkPlaceDamagedHolds(t *testing.T) {
	t.Parallel()
	for _, hold := range []bool{false, true} {
		t.Run(fmt.Sprint(hold), func(t *testing.T) {
			t.Parallel()
			rec := newRecorder(t)
			node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{
				Config: smallLog + rec.config("rabbit", fmt.Sprintf("hold = %v", hold), `topics = ["org.example.dev.a.#"]`),
			})
			delivered(t, node, numbered(1, "a.b.c", ""), "rabbit")
			node.Stop(t)
			spoil(t, node, "rabbit")
			if err := node.Start(); err != nil {
				t.Fatal(err)
			}
			refused := fillLog(t, node, 256) // twice what it may have
			if refused != hold || node.Log(t).First > 1 == hold {
				t.Errorf("publishing is refused: %v; the log begins at %d", refused, node.Log(t).First)
			}
			cliOK(t, node, "sink", "rewind", "rabbit", "--to", "now")
			if fillLog(t, node, 20) || node.Log(t).First == 1 {
				t.Errorf("nothing is removed though the sink has a place again: %+v", node.Log(t))
			}
			delivered(t, node, numbered(2, "a.b.c", ""), "rabbit")
		})
	}
}

// fillLog publishes messages of 8 KiB that no sink wants, and reports whether the log had no room for all.
func fillLog(t *testing.T, node *fedmsgtest.Node, count int) (refused bool) {
	t.Helper()
	line := []byte(`{"topic":"org.example.dev.filler","msg":{"text":"` + strings.Repeat("x", 8<<10) + "\"}}\n")
	err := node.PublishLines(t.Context(), bytes.NewReader(bytes.Repeat(line, count)), func(_ int, o fedmsg.Outcome) {
		refused = refused || fedmsg.CodeOf(o.Err) == fedmsg.CodeStorageFull
	})
	if err != nil {
		t.Fatal(err)
	}
	return refused
}
