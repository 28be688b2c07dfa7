package httpapi

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// TestStreamAheadIsTold comes with positions beyond the end of the log: the operator is told once a minute, with both
// numbers and the cure, and not of positions that are another matter.
func TestStreamAheadIsTold(t *testing.T) {
	n := startStreams(t, DefaultStreamConfig(), nil, 0)
	var told bytes.Buffer // the streams write to it while their requests are answered
	n.streams.deps.logger = slog.New(slog.NewTextHandler(&told, nil))
	n.publish("a.b", "a.c")
	read := func(p fedmsg.Position) { n.open(t, "limit=1&after="+p.String()).resp.Body.Close() }
	read(streamAt(1))
	read(streamAt(2))
	read(fedmsg.Position{Log: "zzzzzzzzzzzz", Seq: 9})
	if told.Len() > 0 {
		t.Fatalf("told of what is no fault: %s", told.String())
	}
	for range 3 {
		read(streamAt(9))
	}
	text := told.String()
	if strings.Count(text, "\n") != 1 {
		t.Fatalf("three readers are ahead, and the operator was told:\n%s", text)
	}
	for _, what := range []string{"level=WARN", streamAt(9).String(), streamAt(2).String(), "fedmsg log adopt"} {
		if !strings.Contains(text, what) {
			t.Errorf("the operator is not told of %q: %s", what, text)
		}
	}
	told.Reset()
	gap := &fedmsg.Gap{From: streamAt(7), To: streamAt(2), Reason: fedmsg.GapAhead}
	n.streams.ahead.tell(n.streams, gap, time.Now().Add(aheadEvery))
	if text = told.String(); !strings.Contains(text, streamAt(7).String()) || !strings.Contains(text, "more_like_it=2") {
		t.Errorf("a minute later: %q", text)
	}
	told.Reset()
	ancestor := &fedmsg.Gap{From: fedmsg.Position{Log: "zzzzzzzzzzzz", Seq: 9}, To: streamAt(2), Reason: fedmsg.GapAhead}
	n.streams.ahead.tell(n.streams, ancestor, time.Now().Add(3*aheadEvery))
	if told.Len() > 0 {
		t.Errorf("told of a log that was adopted: %s", told.String())
	}
}
