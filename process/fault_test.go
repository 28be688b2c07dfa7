package process

import (
	"fmt"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// tracing is the command that injects a fault into the syncs of the program behind it; -D keeps the program's pid.
func tracing(t *testing.T, inject string) []string {
	strace := fedmsgtest.Tool(t, "strace")
	probe := fedmsgtest.Command{Binary: strace, Args: []string{"-f", "-o", "/dev/null", "true"}}
	if r, err := probe.Run(); err != nil || r.Status != 0 {
		fedmsgtest.Missing(t, "the right to trace processes")
	}
	return []string{strace, "-D", "-f", "-q", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:" + inject}
}

// faultRun starts a node whose N-th sync goes wrong, publishes some messages one by one, ends the node, starts it without
// the fault, and checks that what was acknowledged is there. It reports whether the fault was seen.
func faultRun(t *testing.T, inject string) (seen bool) {
	const messages = 25
	state := t.TempDir()
	broken := fedmsgtest.NewNode(t, fedmsgtest.NodeOptions{State: state, Wrap: tracing(t, inject)})
	acked := newAcknowledged()
	if err := broken.Start(); err != nil {
		seen = true // it refused to start, or was ended by the fault
	} else {
		for n := range messages {
			id := fmt.Sprintf("fault-%d", n)
			r, err := broken.Publish(t.Context(), submission(id, n))
			if err == nil {
				acked.add(fedmsg.Outcome{Receipt: r})
			}
			if err == nil && seen {
				t.Errorf("%s was acknowledged after a failed sync: the log must refuse until it is opened again", id)
			}
			seen = seen || err != nil
		}
	}
	broken.Kill9()
	whole := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{State: state})
	verify(t, whole, acked.snapshot())
	publish(t, whole, "after-0", 0)
	return seen
}

// TestSyncFails lets the N-th fsync or fdatasync of the real program fail with EIO. After a failure nothing is
// acknowledged; after a restart all that was is there. strace counts for each thread, so this is the cross-check; the
// complete walk over every operation is the commit log's own test.
func TestSyncFails(t *testing.T) {
	t.Parallel()
	faults(t, "error=EIO")
}

// TestKilledAtSync kills the real program as it enters its N-th fsync or fdatasync.
func TestKilledAtSync(t *testing.T) {
	t.Parallel()
	faults(t, "signal=SIGKILL")
}

func faults(t *testing.T, what string) {
	counts := []int{1, 2, 3, 5, 8, 13, 20}
	if fedmsgtest.Long() {
		counts = counts[:0]
		for n := range 20 {
			counts = append(counts, n+1)
		}
	}
	seen := 0
	for _, n := range counts {
		t.Run(fmt.Sprintf("%d", n), func(t *testing.T) {
			if faultRun(t, fmt.Sprintf("%s:when=%d", what, n)) {
				seen++
			}
		})
	}
	if seen < len(counts)/2 {
		t.Errorf("the fault was seen in %d of %d runs; the injection does not reach the log", seen, len(counts))
	}
}
