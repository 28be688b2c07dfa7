package process

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/pki/pkitest"
	"github.com/federated-messaging/fedmsg/internal/trust"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// TestProductionSample takes messages of the old production system, with their signatures, through the archive's every door: imported
// into one node, exported in each form and imported into others, and asked for as the old archive was. Every node answers the same,
// and each signature holds without anything being undone by who asks.
func TestProductionSample(t *testing.T) {
	t.Parallel()
	sample := fedmsgtest.Shared(t, "corpus", "datagrepper-raw-sample.json")
	holds := productionJudge(t, sample)
	first := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Archive: "sqlite"})
	keep(t, first, "import", sample)
	want := rawMessages(t, first)
	if len(want) != 15 {
		t.Fatalf("%d messages", len(want))
	}
	for _, m := range want {
		if !holds(m) {
			t.Errorf("does not verify: %s", m)
		}
	}
	for _, form := range []string{"json", "raw", "datagrepper"} {
		file := filepath.Join(t.TempDir(), form+".zst")
		keep(t, first, "export", "--format", form, file)
		other := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Archive: "sqlite"})
		keep(t, other, "import", file)
		if diff := cmp.Diff(want, rawMessages(t, other)); diff != "" {
			t.Errorf("exported and imported as %s:\n%s", form, diff)
		}
		if got, want := envelopes(t, other), envelopes(t, first); form == "json" && got != want {
			t.Errorf("the bytes of envelopes changed:\n%s", cmp.Diff(want, got))
		}
	}
}

// keep runs a verb of `fedmsg archive` against a node.
func keep(t *testing.T, n *fedmsgtest.Node, args ...string) {
	t.Helper()
	if r := n.CLI(t, nil, append([]string{"archive"}, args...)...); r.Status != 0 {
		t.Fatalf("%q: %s", args, r)
	}
}

// envelopes gives the envelopes of a node's archive, one a line.
func envelopes(t *testing.T, n *fedmsgtest.Node) string {
	t.Helper()
	r := n.CLI(t, nil, "archive", "export", "--format", "raw", "-")
	if r.Status != 0 {
		t.Fatal(r)
	}
	return r.Stdout
}

// rawMessages asks for the messages of the sample as its clients did.
func rawMessages(t *testing.T, n *fedmsgtest.Node) (messages []string) {
	t.Helper()
	resp, err := n.HTTP.Get(n.URL + "/raw?start=1504643021&end=1504643081&rows_per_page=100&order=asc")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var page struct {
		Messages []json.RawMessage `json:"raw_messages"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<24)).Decode(&page); err != nil {
		t.Fatal(err)
	}
	for _, m := range page.Messages {
		messages = append(messages, string(m))
	}
	return messages
}

// productionJudge tells whether a message of the sample verifies as it stands, as of its time.
func productionJudge(t *testing.T, sample string) func(message string) bool {
	t.Helper()
	text, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	var page struct {
		Messages []struct{ Certificate []byte } `json:"raw_messages"`
	}
	if err := json.Unmarshal(bytes.ReplaceAll(text, []byte(`\n`), nil), &page); err != nil {
		t.Fatal(err)
	}
	var certificates [][]byte
	for _, m := range page.Messages {
		block, _ := pem.Decode(m.Certificate)
		certificates = append(certificates, block.Bytes)
	}
	authority := filepath.Join(t.TempDir(), "fedora.crt")
	if err := os.WriteFile(authority, pkitest.ProductionAuthority(t, certificates...), 0o600); err != nil {
		t.Fatal(err)
	}
	root := trust.Root{Name: "fedora", CA: authority, Legacy: true, Topics: []fedmsg.Pattern{fedmsg.MatchAll()}}
	store, err := trust.Open(trust.Config{File: trust.File{Trust: []trust.Root{root}}, Settings: trust.DefaultSettings(), Every: -1})
	if err != nil {
		t.Fatal(err)
	}
	return func(message string) bool {
		d := wire.Decoder{Limits: fedmsg.DefaultLimits()}
		e, err := d.Envelope([]byte(message), wire.Old)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := e.Time()
		r := fedmsg.Record{ID: e.ID, Topic: e.Topic, Envelope: e.Bytes}
		return store.Verify(&r, &e, at) == nil && strings.HasPrefix(r.Signer, "fedora/")
	}
}
