package process

import (
	"fmt"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestArchiveKilled ends the node with kill -9 at random points of ingest, again and again on the same files, and starts it at once: the
// rows of the archive are the entries of the log, none is missing and none is there twice.
func TestArchiveKilled(t *testing.T) {
	t.Parallel()
	rnd := random(t)
	node := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Archive: "sqlite"})
	acked := newAcknowledged()
	for round := range fedmsgtest.Count(5, 100) {
		before := len(acked.snapshot())
		l := startLoad(t, node, 2, fmt.Sprintf("ingest-%d", round), acked)
		acked.await(t, before+1+rnd.IntN(600), l.ended)
		node.Kill9()
		<-l.ended
		if err := node.Start(); err != nil {
			t.Fatal(err)
		}
		if round%5 == 4 {
			sameAsLog(t, node)
		}
	}
	verify(t, node, acked.snapshot())
	sameAsLog(t, node)
	t.Logf("%d messages", len(acked.snapshot()))
}
