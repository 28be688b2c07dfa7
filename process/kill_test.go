package process

import (
	"fmt"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestKillLosesNothing ends the node with kill -9 in the middle of four publishers, again and again on the same log: what
// was acknowledged in any of its lives is there in the next, where its receipt said.
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	rnd := random(t)
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	acked := newAcknowledged()
	for round := range fedmsgtest.Count(3, 50) {
		before := len(acked.snapshot())
		l := startLoad(t, node, 4, fmt.Sprintf("kill-%d", round), acked)
		acked.await(t, before+1+rnd.IntN(3000), l.ended)
		node.Kill9()
		<-l.ended
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
		verify(t, node, acked.snapshot())
	}
	t.Logf("%d acknowledged messages were found again", len(acked.snapshot()))
}

// TestStopUnderLoad stops the node by SIGTERM in the middle of publishers and readers: it ends within its deadline with
// status 0, and keeps what it acknowledged.
func TestStopUnderLoad(t *testing.T) {
	t.Parallel()
	rnd := random(t)
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{})
	acked := newAcknowledged()
	var slowest time.Duration
	for round := range fedmsgtest.Count(3, 20) {
		before := len(acked.snapshot())
		readers := startReaders(t, node, 3)
		l := startLoad(t, node, 4, fmt.Sprintf("stop-%d", round), acked)
		acked.await(t, before+1+rnd.IntN(3000), l.ended)
		slowest = max(slowest, node.Stop(t))
		<-l.ended
		readers.Wait()
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
		verify(t, node, acked.snapshot())
	}
	t.Logf("measured: slowest stop under load %s", slowest.Round(time.Millisecond)) // behind its deadline its status is not 0
}
