package zeromq

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// relayDoor is a door that takes publications only.
type relayDoor struct{ *fakeDoor }

func (relayDoor) SubmitParts(context.Context, fedmsg.Sender, ...[][]byte) fedmsg.Ticket {
	return fakeTicket{}
}

// startRelay starts a node with one relay socket.
func startRelay(t *testing.T, d *fakeDoor, query string) *node {
	t.Helper()
	return startNode(t, 1<<20, func(c *Config, deps *Deps) {
		c.RelayIn = []string{"tcp://127.0.0.1:0" + query}
		deps.Door = func(fedmsg.VerifyMode, bool) Door { return relayDoor{d} }
	})
}

// oldPub connects a publisher that has been subscribed to.
func oldPub(t *testing.T, uri string) *zmtp.Pub {
	t.Helper()
	p := zmtp.NewPub(zmtp.Options{})
	t.Cleanup(func() { p.Close() })
	if err := p.Connect(uri); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := p.WaitSubscribers(ctx, 1); err != nil {
		t.Fatal(err)
	}
	return p
}

func say(t *testing.T, p *zmtp.Pub, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := p.Send(t.Context(), []byte(text), []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitStored waits until the door has so many messages, and gives them.
func awaitStored(t *testing.T, d *fakeDoor, n int) string {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); len(d.all()) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("only %q are stored, want %d", d.all(), n)
		}
	}
	return strings.Join(d.all(), " ")
}

// TestRelayHoldsOnlyWhoWaits has the node refuse for now what one publisher says: another one passes, and the first loses nothing,
// nor its order, when the reason is gone.
func TestRelayHoldsOnlyWhoWaits(t *testing.T) {
	t.Parallel()
	full := true
	d := &fakeDoor{refuse: func(_, frame string) error {
		if full && strings.HasPrefix(frame, "a") {
			return fedmsg.Errorf(fedmsg.CodeStorageFull, "no room for large ones")
		}
		return nil
	}}
	n := startRelay(t, d, "?sender=way")
	a, b := oldPub(t, n.addr(0)), oldPub(t, n.addr(0))
	say(t, a, "a1", "a2", "a3")
	say(t, b, "b1", "b2", "b3")
	if got, want := awaitStored(t, d, 3), "way/b1 way/b2 way/b3"; got != want {
		t.Errorf("stored %s, want %s", got, want)
	}
	for end := time.Now().Add(10 * time.Second); !strings.Contains(texts(n.server.Checks()), "no room for large ones"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the health is %s", texts(n.server.Checks()))
		}
	}
	d.mu.Lock()
	full = false
	d.mu.Unlock()
	if got, want := awaitStored(t, d, 6), "way/b1 way/b2 way/b3 way/a1 way/a2 way/a3"; got != want {
		t.Errorf("stored %s, want %s", got, want)
	}
}

// TestRelayStopsWhileHeld stops the node while it holds a publisher back: it ends, and says what is lost.
func TestRelayStopsWhileHeld(t *testing.T) {
	t.Parallel()
	d := &fakeDoor{refuse: func(string, string) error { return fedmsg.Errorf(fedmsg.CodeLogFailed, "the log has failed") }}
	n := startRelay(t, d, "")
	say(t, oldPub(t, n.addr(0)), "a1", "a2")
	for end := time.Now().Add(10 * time.Second); !strings.Contains(texts(n.server.Checks()), "the log has failed"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the health is %s", texts(n.server.Checks()))
		}
	}
	n.stop()
	if !strings.Contains(n.told.String(), "messages of a publisher are lost") {
		t.Errorf("nobody is told what is lost:\n%s", n.told)
	}
}

// TestRelaySenders holds who a publisher is to the door, by what the endpoint says.
func TestRelaySenders(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]fedmsg.Sender{
		"tcp://127.0.0.1:0":            {Kind: fedmsg.SenderLoopback},
		"tcp://127.0.0.1:0?sender=way": {Kind: fedmsg.SenderZeroMQ, Name: "way"},
		"tcp://*:0":                    {Kind: fedmsg.SenderZeroMQ},
		"tcp://*:0?sender=way":         {Kind: fedmsg.SenderZeroMQ, Name: "way"},
		"tcp://*:0?curve=yes":          {Kind: fedmsg.SenderCurve, Name: "user"},
	} {
		e, err := parseEndpoint(relayIn, uri)
		if err != nil {
			t.Fatal(err)
		}
		if got := (&relaySocket{setup: setup{endpoint: e}}).from(zmtp.Peer{User: "user"}); got != want {
			t.Errorf("%s: %v, want %v", uri, got, want)
		}
	}
}
