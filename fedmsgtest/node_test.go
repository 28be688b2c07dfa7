package fedmsgtest

import (
	"strings"
	"testing"
	"time"
)

// TestNodeLife holds that a node which nobody ends is ended, so that a test which waits for it does not wait for ever.
func TestNodeLife(t *testing.T) {
	t.Parallel()
	n := NewNode(t, NodeOptions{life: time.Millisecond})
	if err := n.Launch(); err != nil {
		t.Fatal(err)
	}
	status, err := n.Ended()
	if err != nil || status != -1 || !strings.Contains(n.Logs(), "has not ended it within 1ms") {
		t.Errorf("status %d, %v, it said %s", status, err, n.Logs())
	}
}
