package httpapi

import (
	"net/http"
	"testing"
)

// TestStreamTLS holds that streams work over connections that are more than a socket.
func TestStreamTLS(t *testing.T) {
	checkLeaks(t)
	n := startStreams(t, DefaultStreamConfig(), nil, 1)
	n.publish("a", "a")
	n.server.Close()
	n.startTLS()
	r := n.openWith(t, n.server.Client().Transport.(*http.Transport).Clone(), "after=0&limit=3", "Accept", ndjsonType)
	r.want("message", 1)
	r.want("message", 2)
	n.publish("a")
	r.want("message", 3)
	r.end()
	n.waitOpen(t, 0)
}
