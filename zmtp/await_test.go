package zmtp

import (
	"testing"
	"time"
)

// awaitStats waits until the socket's only endpoint is as wanted.
func awaitStats(t *testing.T, s interface{ Stats() Stats }, is func(EndpointStats) bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !is(s.Stats().Endpoints[0]) {
		if time.Now().After(deadline) {
			t.Fatalf("the endpoint is %+v", s.Stats().Endpoints[0])
		}
		time.Sleep(time.Millisecond) // nothing tells of it
	}
}
