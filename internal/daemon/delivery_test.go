package daemon

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// withDelivery is a configuration with a sink that holds and a source that nobody answers.
func withDelivery(t *testing.T) config.Config {
	t.Helper()
	c := setup(t)
	c.Sink = []deliver.Config{{Name: "holds", Command: []string{"/bin/false"}, Topics: []fedmsg.Pattern{fedmsg.MatchAll()}, Hold: true, Start: "beginning"}}
	c.Source = []receive.Config{{Name: "gone", From: "unix:///nonexistent/node.sock", Topics: []fedmsg.Pattern{fedmsg.MatchAll()}}}
	return c
}

// TestDeliveryStages: sources stop with the doors, sinks behind all of them, and both before the log. Whatever New built is stopped
// also where Run never follows.
func TestDeliveryStages(t *testing.T) {
	c := withDelivery(t)
	c.Source[0].Verify = fedmsg.VerifyInsecureOff
	var logged buffer
	n, err := New(c, Options{Getenv: env(), Logger: slog.New(slog.NewTextHandler(&logged, nil))})
	if err != nil {
		t.Fatal(err)
	}
	says := []string{"delivering to false as sink holds", "receiving from unix:///nonexistent/node.sock as source gone"}
	if diff := cmp.Diff(says, n.Delivery()); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"messages are verified by mode require, at source gone by insecure-off", `"insecure switch is on" key="source gone verify = insecure-off"`} {
		if !strings.Contains(logged.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, logged.String())
		}
	}
	var names []string
	for _, s := range n.stops.stages {
		names = append(names, s.name)
	}
	if want := "log archive sinks zeromq sources"; !strings.HasSuffix(strings.Join(names, " "), want) {
		t.Errorf("the stages are %s, want %s at the end", names, want)
	}
	err = errors.Join(n.stop(), n.server.Shutdown(context.Background()))
	if err != nil {
		t.Error(err)
	}
}

// TestSinkHoldsTheLog: the place of a sink is one that retention sees, from its first entry on, and holds with a sink that holds as
// long as there is such a sink in the configuration.
func TestSinkHoldsTheLog(t *testing.T) {
	c := withDelivery(t)
	r := start(t, c, Options{})
	at := r.publish(t, `{"topic":"a.b.c","msg":{}}`).Position
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	// What was delivered nowhere is held; a place behind an entry is written when one was delivered.
	name := filepath.Join(ReadersDir(c.State), sinkPlace+"holds")
	if text, err := os.ReadFile(name); err != nil || !strings.HasSuffix(strings.TrimSpace(string(text)), " hold") {
		t.Errorf("the place is %q, %v; a sink that holds has one from its beginning on", text, err)
	}
	pins := []commitlog.Pin{
		{Name: "archive", Position: at, Hold: true}, {Name: sinkPlace + "holds", Position: at, Hold: true},
		{Name: sinkPlace + "removed", Position: at, Hold: true}, {Name: sinkPlace + "loose", Position: at},
	}
	want := slices.Clone(pins)
	want[2].Hold = false
	if diff := cmp.Diff(want, release(pins, c.Sink)); diff != "" {
		t.Error(diff)
	}
}
