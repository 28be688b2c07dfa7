package daemon

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
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
	c.Source = []config.MessageSource{{Config: receive.Config{Name: "gone", From: "unix:///nonexistent/node.sock", Topics: []fedmsg.Pattern{fedmsg.MatchAll()}}}}
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
	if want := "log certificates archive sinks zeromq sources redaction"; !strings.HasSuffix(strings.Join(names, " "), want) {
		t.Errorf("the stages are %s, want %s at the end", names, want)
	}
	err = errors.Join(n.stop(), n.server.Shutdown(context.Background()))
	if err != nil {
		t.Error(err)
	}
}

// TestSinkHoldsTheLog: the place of a sink is one that retention sees, from its first entry on.
func TestSinkHoldsTheLog(t *testing.T) {
	c := withDelivery(t)
	r := start(t, c, Options{})
	r.publish(t, `{"topic":"a.b.c","msg":{}}`)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	// What was delivered nowhere is held; a place behind an entry is written when one was delivered.
	name := filepath.Join(ReadersDir(c.State), sinkPlace+"holds")
	if text, err := os.ReadFile(name); err != nil || !strings.HasSuffix(strings.TrimSpace(string(text)), " hold") {
		t.Errorf("the place is %q, %v; a sink that holds has one from its beginning on", text, err)
	}
}

// TestSinksHoldAsConfigured holds that whether a sink holds the log is what the configuration says, whatever the file of its place has:
// one that is gone holds nothing, damage holds nothing more than was asked for, and lets go of nothing that was.
func TestSinksHoldAsConfigured(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"archive": "k3v5q2m7x4ab-7 hold", "sink-holds": "k3v5q2m7x4ab-7 hold", "sink-now": "k3v5q2m7x4ab-7", "sink-loose": "k3v5q2m7x4ab-7 hold",
		"sink-removed": "k3v5q2m7x4ab-7 hold", "sink-damaged": "yesterday", "sink-damaged-holds": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "sink-directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	sinks := []deliver.Config{
		{Name: "holds", Hold: true}, {Name: "now", Hold: true}, {Name: "loose"}, {Name: "damaged"}, {Name: "damaged-holds", Hold: true}, {Name: "directory", Hold: true},
	}
	at := fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 7}
	want := []commitlog.Pin{
		{Name: "archive", Position: at, Hold: true}, {Name: "sink-damaged"}, {Name: "sink-damaged-holds", Hold: true}, {Name: "sink-directory", Hold: true},
		{Name: "sink-holds", Position: at, Hold: true}, {Name: "sink-loose", Position: at}, {Name: "sink-now", Position: at, Hold: true}, {Name: "sink-removed", Position: at},
	}
	if diff := cmp.Diff(want, savedReaders(dir, sinks, slog.New(slog.DiscardHandler))); diff != "" {
		t.Error(diff)
	}
}

// TestDamagedPlaceStopsOneSink holds that a sink whose place is damaged keeps no node from starting, and is told of.
func TestDamagedPlaceStopsOneSink(t *testing.T) {
	c := withDelivery(t)
	c.Source = nil
	if err := start(t, c, Options{}).stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(ReadersDir(c.State), sinkPlace+"holds"), []byte("yesterday"), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := New(c, Options{Getenv: env()})
	if err != nil {
		t.Fatal(err)
	}
	if says := n.Delivery(); len(says) != 1 || !strings.HasPrefix(says[0], "not delivering to false: sink holds has stopped") {
		t.Errorf("%q", says)
	}
	if err := errors.Join(n.stop(), n.server.Shutdown(context.Background())); err != nil {
		t.Error(err)
	}
}
