package trigger

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/deliver/delivertest"
)

// TestConforms runs the suite of sinks with a program that writes what it gets into a file of its own, gives poison up, and does
// not end while it is to be silent.
func TestConforms(t *testing.T) {
	t.Parallel()
	delivertest.Run(t, delivertest.Target{
		Features: delivertest.Features{Ordered: true, Lossless: true, Unsigned: true},
		New:      newDestination,
	})
}

func newDestination(t *testing.T) *delivertest.Destination {
	dir := t.TempDir()
	out, silent := filepath.Join(dir, "out"), filepath.Join(dir, "silent")
	program := script(t, `cd "$1" || exit 1
while [ -e silent ]; do sleep 0.01; done
text=$(base64 -w0)
[ "$text" != cG9pc29uCg== ] || exit 65
echo "$FEDMSG_ID $FEDMSG_TOPIC $text" >> out`)
	sink, err := NewSink(deliver.Config{Command: []string{program, dir}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return &delivertest.Destination{
		Sink: sink, InFlight: SinkInFlight, Arrived: func(t *testing.T) []delivertest.Arrival { return arrivals(t, out) },
		Pause:  func(*testing.T) { must(os.WriteFile(silent, nil, 0o600)) },
		Resume: func(*testing.T) { must(os.Remove(silent)) },
		Poison: func(e *fedmsg.Entry) { e.Envelope = []byte("poison") },
	}
}

// arrivals reads the program's file, as far as lines are whole.
func arrivals(t *testing.T, name string) (all []delivertest.Arrival) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text[:bytes.LastIndexByte(text, '\n')+1])) {
		f := strings.Fields(line)
		envelope, err := base64.StdEncoding.DecodeString(f[2])
		if err != nil || len(f) != 3 || !bytes.HasSuffix(envelope, []byte("\n")) {
			t.Fatalf("the program wrote %q", line)
		}
		all = append(all, delivertest.Arrival{ID: f[0], Topic: f[1], Envelope: envelope[:len(envelope)-1]})
	}
	return all
}
