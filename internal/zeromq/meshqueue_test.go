package zeromq

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/mesh"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// TestMeshQueueIsBounded holds that no more waits for the door than there is room for, that the mesh then waits too, and that a
// message larger than all the room passes alone.
func TestMeshQueueIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newMeshQueue()
		huge := mesh.Message{Frames: zmtp.Message{make([]byte, maxQueuedBytes+1)}}
		small := mesh.Message{Frames: zmtp.Message{make([]byte, 8)}}
		if !q.put(t.Context(), huge) {
			t.Error("a message that is larger than all the room is not taken")
		}
		put := make(chan bool, 1)
		go func() { put <- q.put(t.Context(), small) }()
		synctest.Wait()
		select {
		case <-put:
			t.Error("a message was taken where there is no room")
		default:
		}
		if all := q.all(); len(all) != 1 {
			t.Errorf("%d messages wait, want 1", len(all))
		}
		if !<-put {
			t.Error("there is room, and the message is not taken")
		}
		for range maxQueued - 1 {
			if !q.put(t.Context(), small) {
				t.Fatal("not taken")
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if q.put(ctx, small) {
			t.Errorf("message %d was taken", maxQueued+1)
		}
		select {
		case <-q.more:
		default:
			t.Error("nobody is told that something waits")
		}
	})
}

// TestMeshNews holds what an operator is shown of publishers that cannot be heard, of a source that cannot be read and of gaps, and
// until when.
func TestMeshNews(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	now := time.Unix(1000, 0)
	n := newMeshNews(&setup{endpoint: &endpoint{address: "file:///list"}, counts: testCounts(), logger: slog.New(slog.NewTextHandler(&log, nil))})
	n.now = func() time.Time { return now }
	if c := n.checks(); c != nil {
		t.Errorf("before anything happened: %v", c)
	}
	n.event(mesh.Event{Kind: mesh.SourceFailed, Endpoint: "/list", Err: context.Canceled})
	n.event(mesh.Event{Kind: mesh.EndpointUp, Service: "a", Endpoint: "tcp://a"})
	for range 100 {
		n.event(mesh.Event{Kind: mesh.EndpointDown, Service: "b", Endpoint: "tcp://b"})
		n.event(mesh.Event{Kind: mesh.Malformed, Service: "a", Endpoint: "tcp://a"})
	}
	n.gap(&mesh.Gap{Service: "a", From: 3, To: 5, Reason: mesh.GapNotKept})
	n.saved(context.DeadlineExceeded)
	text := texts(n.checks())
	for _, want := range []string{"file:///list cannot be read", "1 of 2 publishers of file:///list cannot be heard: tcp://b", "gap in a from 3 to 5: not_kept", "it cannot be saved up to where"} {
		if !strings.Contains(text, want) {
			t.Errorf("the health does not say %q:\n%s", want, text)
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines != 6 {
		t.Errorf("%d lines in the log, want 6:\n%s", lines, log.String())
	}
	if bad := valueOf(t, n.counts.refusals.WithLabelValues("bad_envelope")); bad != 100 {
		t.Errorf("%v malformed messages are counted, want 100", bad)
	}
	if up := valueOf(t, n.counts.peers); up != 1 {
		t.Errorf("%v publishers are up, want 1", up)
	}
	n.event(mesh.Event{Kind: mesh.SourceRead, Endpoint: "/list", Services: 2})
	n.event(mesh.Event{Kind: mesh.EndpointGone, Service: "b", Endpoint: "tcp://b"})
	n.saved(nil)
	now = now.Add(gapShown)
	if c := n.checks(); c != nil {
		t.Errorf("when all is over: %v", c)
	}
}

// TestMeshNewsOfFile holds that an operator is told of each line of a file that makes no sense, of a file that was emptied, and of
// replay servers that do not answer, as long as it is so.
func TestMeshNewsOfFile(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	n := newMeshNews(&setup{endpoint: &endpoint{address: "file:///list"}, counts: testCounts(), logger: slog.New(slog.NewTextHandler(&log, nil))})
	n.event(mesh.Event{Kind: mesh.SourceFault, Endpoint: "/list", Err: errors.New("line 3: no")})
	n.event(mesh.Event{Kind: mesh.SourceFault, Endpoint: "/list", Err: errors.New("line 7: no")})
	n.event(mesh.Event{Kind: mesh.SourceRead, Endpoint: "/list", Services: 1})
	n.event(mesh.Event{Kind: mesh.ReplayFailed, Service: "a", Endpoint: "tcp://r"})
	for _, want := range []string{"file:///list has 2 faults, which are passed over; the first: line 3: no", "the replay server tcp://r of a does not answer"} {
		if text := texts(n.checks()); !strings.Contains(text, want) {
			t.Errorf("the health does not say %q:\n%s", want, text)
		}
	}
	for _, want := range []string{"line 3: no", "line 7: no", "publishers=1"} {
		if strings.Count(log.String(), want) != 1 || strings.Contains(log.String(), "nil") || strings.Contains(log.String(), `service=""`) {
			t.Errorf("the log does not say %q once, or says what is not:\n%s", want, log.String())
		}
	}
	n.event(mesh.Event{Kind: mesh.ReplayUp, Service: "a", Endpoint: "tcp://r"})
	n.event(mesh.Event{Kind: mesh.SourceRead, Endpoint: "/list"})
	if text := texts(n.checks()); text != "warning file:///list names no publisher, so nobody is listened to" {
		t.Errorf("of an empty file the health says %s", text)
	}
	n.event(mesh.Event{Kind: mesh.SourceRead, Endpoint: "/list", Services: 1})
	if c := n.checks(); c != nil {
		t.Errorf("when all is mended: %v", c)
	}
}

func texts(checks []ops.Check) string {
	var all []string
	for _, c := range checks {
		all = append(all, string(c.Status)+" "+c.Text)
	}
	return strings.Join(all, "\n")
}
