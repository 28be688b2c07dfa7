package client

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// busyNode answers every request as a whole with err.
func busyNode(t *testing.T, err error) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(fedmsg.CodeOf(err).HTTPStatus())
		_, _ = w.Write(fedmsg.AppendErrorJSON(nil, err))
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// refusingNode answers each message on the topic a with err.
func refusingNode(t *testing.T, err error) string {
	t.Helper()
	n := startNode(t)
	n.refuse["a"] = err
	return n.uri
}

// TestQueuedSaysWhy holds that the sentence of a message in the spool has that of its cause, with the cure, and that the
// cause is inside: also of one that goes there at once, because an earlier one could not be sent.
func TestQueuedSaysWhy(t *testing.T) {
	full := fedmsg.Errorf(fedmsg.CodeStorageFull, "the disk of the log is full; make room")
	failed := fedmsg.Errorf(fedmsg.CodeLogFailed, "a write failed; restart the node")
	restored := fedmsg.Errorf(fedmsg.CodeLogAhead, "the log was restored; see `fedmsg log adopt`")
	for name, c := range map[string]struct {
		node, why string
		code      fedmsg.Code // of the cause
	}{
		"no node":           {"unix:///nonexistent/sock", "no node answers at unix:///nonexistent/sock; start one with `fedmsg serve`", fedmsg.CodeUnavailable},
		"full disk":         {refusingNode(t, full), full.Message, full.Code},
		"poisoned log":      {refusingNode(t, failed), failed.Message, failed.Code},
		"waiting for adopt": {refusingNode(t, restored), restored.Message, restored.Code},
		"refuses requests":  {busyNode(t, failed), failed.Message, failed.Code},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Node: c.node, Spool: t.TempDir(), Timeout: 300 * time.Millisecond}
			wantWhy := func(c1 *Client) {
				t.Helper()
				_, err := c1.Publish(t.Context(), "a", body(1))
				wantCode(t, err, fedmsg.CodeQueued)
				_, text := fedmsg.Public(err)
				if !strings.Contains(text, c.why) || !strings.Contains(text, o.Spool) || strings.Contains(text, "\n") {
					t.Errorf("told %q, want %q in it", text, c.why)
				}
				wantCode(t, errors.Unwrap(err), c.code)
			}
			first := newClient(t, o)
			wantWhy(first)
			wantWhy(first)
			next := newClient(t, o)
			if err := next.DrainSpool(t.Context()); fedmsg.CodeOf(err) != c.code {
				t.Errorf("DrainSpool = %v", err)
			}
			wantWhy(next)
		})
	}
}

// TestQueuedBehindOthersSaysSo has a message that went to the spool before anything was tried.
func TestQueuedBehindOthersSaysSo(t *testing.T) {
	o := Options{Node: "unix:///nonexistent/sock", Spool: t.TempDir()}
	_, err := newClient(t, o).Publish(t.Context(), "a", body(1))
	wantCode(t, err, fedmsg.CodeQueued)
	c := newClient(t, o)
	c.box.draining = true // so that the drain is not quicker than the message
	_, err = c.Publish(t.Context(), "a", body(2))
	wantCode(t, err, fedmsg.CodeQueued)
	if !strings.Contains(err.Error(), "waits there and goes first") {
		t.Error(err)
	}
}

func TestUnknownHostIsNamed(t *testing.T) {
	tried := []endpoint{{uri: "http://nod:8940"}}
	cause := &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "nod", IsNotFound: true}}
	if _, text := fedmsg.Public(noNode(tried, cause)); !strings.Contains(text, "no such host as nod; name the node with --node") {
		t.Error(text)
	}
}

// TestEachPlaceIsTold keeps apart why nobody answers at each place, for who tells people of it.
func TestEachPlaceIsTold(t *testing.T) {
	e, _ := errors.AsType[*fedmsg.Error](noNode(make([]endpoint, 2), errors.Join(io.EOF, io.ErrUnexpectedEOF)))
	many, ok := e.Err.(interface{ Unwrap() []error })
	if !ok || len(many.Unwrap()) != 2 || !errors.Is(e, io.EOF) {
		t.Errorf("%#v", e.Err)
	}
}

// TestHungNodeIsToldAsSilent holds that who waits for a node that says nothing is told so, and for how long, whichever
// clock ends the waiting: the caller's, the client's or the connection's.
func TestHungNodeIsToldAsSilent(t *testing.T) {
	const patience = 80 * time.Millisecond
	wantSilent := func(t *testing.T, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "did not answer within") || strings.Contains(err.Error(), "closed") {
			t.Errorf("told %v", err)
		}
	}
	t.Run("publish", func(t *testing.T) {
		c := newClient(t, Options{Node: silentNode(t), Timeout: patience})
		_, err := c.Publish(t.Context(), "a", nil)
		wantSilent(t, err)
		wantCode(t, err, fedmsg.CodeTimeout)
	})
	t.Run("submit", func(t *testing.T) {
		c := newClient(t, Options{Node: silentNode(t), Timeout: patience})
		for range 3 { // the later ones meet connections that the client has closed
			tk, err := c.Submit(t.Context(), fedmsg.Message{Topic: "a"})
			if err != nil {
				t.Fatal(err)
			}
			_, err = tk.Wait(t.Context())
			wantSilent(t, err)
		}
	})
	t.Run("spool", func(t *testing.T) {
		o := Options{Node: silentNode(t), Spool: t.TempDir(), Timeout: patience}
		_, err := newClient(t, o).Publish(t.Context(), "a", nil)
		wantSilent(t, err)
		wantCode(t, err, fedmsg.CodeQueued)
		wantSilent(t, newClient(t, o).DrainSpool(t.Context()))
	})
	t.Run("log", func(t *testing.T) {
		_, err := newClient(t, Options{Node: silentNode(t), Timeout: patience}).Log(t.Context())
		wantSilent(t, err)
		wantCode(t, err, fedmsg.CodeTimeout)
	})
	t.Run("follow", func(t *testing.T) {
		c := newClient(t, Options{Node: silentNode(t), Timeout: patience})
		for _, err := range c.Follow(t.Context(), FollowOptions{All: true, FailFast: true}) {
			wantSilent(t, err)
			break
		}
	})
}
