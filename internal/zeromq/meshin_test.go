package zeromq

import (
	"context"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/mesh"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// passage is an entrance to a door that shows in what is stored.
type passage struct {
	relayDoor
	name string
}

func (p passage) SubmitPublished(ctx context.Context, from fedmsg.Sender, messages ...[][]byte) fedmsg.Ticket {
	return renamed{p.fakeDoor, p.name}.SubmitPublished(ctx, from, messages...)
}

// newMeshIn prepares an edge, on a door that shows by which passage things came. It is not run.
func newMeshIn(t *testing.T, d *fakeDoor, uri string) *meshSocket {
	t.Helper()
	e, err := parseEndpoint(subscribe, uri)
	if err != nil {
		t.Fatal(err)
	}
	h, err := openHeard(filepath.Join(t.TempDir(), "heard.json"))
	if err != nil {
		t.Fatal(err)
	}
	h.note(e.address, "old.host", 7)
	c := DefaultConfig()
	made, err := openMeshIn(setup{
		endpoint: e, cfg: &c, counts: testCounts(), heard: h, logger: slog.New(slog.DiscardHandler), calm: slog.New(slog.DiscardHandler),
		deps: &Deps{
			Door: func(v fedmsg.VerifyMode, replaying bool) Door {
				if replaying {
					v = "old " + v
				}
				return passage{relayDoor{d}, string(v) + ":"}
			},
			Curve: func() (zmtp.CurvePair, error) { return zmtp.NewCurvePair(), nil },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return made.(*meshSocket)
}

// TestMeshPassages holds that what was asked for comes in as what is old, and what is live as live, each service under its own name,
// and that what is decided is remembered.
func TestMeshPassages(t *testing.T) {
	t.Parallel()
	d := &fakeDoor{refuse: func(_, frame string) error {
		if frame == "bad" {
			return fedmsg.Errorf(fedmsg.CodeBadJSON, "no")
		}
		return nil
	}}
	s := newMeshIn(t, d, "file:///list?verify=if-signed")
	message := func(service, text string, number uint64, replayed bool) mesh.Message {
		return mesh.Message{Service: service, Frames: zmtp.Message{[]byte(text)}, SeqID: number, Replayed: replayed}
	}
	s.take([]mesh.Message{
		message("a", "1", 1, true), message("a", "2", 2, false), message("b", "x", 0, false), message("c", "bad", 9, false), message("a", "3", 3, false),
	})
	if got, want := strings.Join(d.all(), " "), "old if-signed:a/1 if-signed:b/x if-signed:a/2 if-signed:a/3"; got != want {
		t.Errorf("stored %s, want %s", got, want)
	}
	if diff := cmp.Diff(map[string]uint64{"old.host": 7, "a": 3, "c": 9}, s.heard.after("file:///list")); diff != "" {
		t.Error(diff)
	}
}

// TestMeshNames holds that whoever writes the list of services takes no name, and with it no right, that the operator gave to
// another way in.
func TestMeshNames(t *testing.T) {
	t.Parallel()
	s := newMeshIn(t, &fakeDoor{}, "file:///list")
	s.cfg.RelayIn = []string{"tcp://127.0.0.1:2003?sender=this-host", "tcp://127.0.0.1:2004"}
	s.cfg.Subscribe = []string{"file:///list", "tcp://koji:3000?name=koji.hub", "srv:debian.example", "tcp://koji:3001"}
	if err := s.publishers(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"this-host": "", "koji.hub": "", "debian.example": "", "tcp://koji:3001": "", "bodhi.app01": "bodhi.app01",
	} {
		if got := s.from(name); got != (fedmsg.Sender{Kind: fedmsg.SenderZeroMQ, Name: want}) {
			t.Errorf("%s of the list is %s, want %q", name, got, want)
		}
	}
	s = newMeshIn(t, &fakeDoor{}, "tcp://koji:3000?name=koji.hub")
	s.cfg.Subscribe = []string{s.uri}
	if err := s.publishers(); err != nil {
		t.Fatal(err)
	}
	if got := s.from("koji.hub"); got.Name != "koji.hub" {
		t.Errorf("the service itself is %s", got)
	}
}

// TestMeshKeepsWhatIsNotDecided holds that what could not be stored when the node stops is asked for at the next start.
func TestMeshKeepsWhatIsNotDecided(t *testing.T) {
	t.Parallel()
	d := &fakeDoor{refuse: func(string, string) error { return fedmsg.Errorf(fedmsg.CodeStorageFull, "full") }}
	s := newMeshIn(t, d, "tcp://127.0.0.1:1?name=old.host")
	s.cease()
	s.take([]mesh.Message{{Service: "old.host", Frames: zmtp.Message{[]byte("8")}, SeqID: 8}})
	if n := s.heard.after("tcp://127.0.0.1:1")["old.host"]; n != 7 {
		t.Errorf("it goes on behind %d, want 7", n)
	}
}

// TestMeshKeepsWhatIsBeforeIt holds that what is stored behind messages that could not be, when the node stops, does not pass for
// the end of what was heard.
func TestMeshKeepsWhatIsBeforeIt(t *testing.T) {
	t.Parallel()
	d := &fakeDoor{refuse: func(_, frame string) error {
		if frame == "8" {
			return fedmsg.Errorf(fedmsg.CodeStorageFull, "full")
		}
		return nil
	}}
	s := newMeshIn(t, d, "tcp://127.0.0.1:1?name=old.host")
	s.cease()
	s.take([]mesh.Message{{Service: "old.host", Frames: zmtp.Message{[]byte("8")}, SeqID: 8}})
	s.take([]mesh.Message{{Service: "old.host", Frames: zmtp.Message{[]byte("9")}, SeqID: 9}})
	if n := s.heard.after("tcp://127.0.0.1:1")["old.host"]; n != 7 {
		t.Errorf("it goes on behind %d, want 7", n)
	}
}

// TestMeshOptions holds to whom a node listens by each kind of URI, and from where on.
func TestMeshOptions(t *testing.T) {
	t.Parallel()
	key := zmtp.NewCurvePair().Public
	for uri, want := range map[string]mesh.SubscribeOptions{
		"file:///list?topics=a.,b.": {File: "/list", Prefixes: []string{"a.", "b."}, After: map[string]uint64{"old.host": 7}},
		"srv:example.org":           {Domains: []string{"example.org"}},
		"tcp://127.0.0.1:1": {
			Services: []mesh.Service{{Name: "tcp://127.0.0.1:1", Addresses: []string{"tcp://127.0.0.1:1"}}}, After: map[string]uint64{"old.host": 7},
		},
		"ipc:///s?name=old.host&replay=ipc%3A%2F%2F%2Fr&server_key=" + url.QueryEscape(key.String()): {
			Services: []mesh.Service{{Name: "old.host", Addresses: []string{"ipc:///s"}, Replay: "ipc:///r", ServerKey: &key}}, After: map[string]uint64{"old.host": 7},
		},
	} {
		got := newMeshIn(t, &fakeDoor{}, uri).options
		_, proves := got.ZMTP.Security.(zmtp.CurveClient)
		if wants := got.File != "" || strings.Contains(uri, "server_key"); proves != wants {
			t.Errorf("%s: the node proves itself by its key: %t, want %t", uri, proves, wants)
		}
		if !got.Replay || got.Report == nil {
			t.Errorf("%s: nothing is asked for or told", uri)
		}
		got.Replay, got.Report, got.ZMTP = false, nil, zmtp.Options{}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b zmtp.Options) bool { return true }), cmp.Comparer(func(a, b func(mesh.Event)) bool { return true })); diff != "" {
			t.Errorf("%s: %s", uri, diff)
		}
	}
}
