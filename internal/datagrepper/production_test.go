package datagrepper

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/pki/pkitest"
	"github.com/federated-messaging/fedmsg/internal/trust"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// TestProduction keeps 15 messages of the old production system as its archive gave them, and as they were before; asked for through
// any route of old shape, every signature holds without anything being undone.
func TestProduction(t *testing.T) {
	t.Parallel()
	messages, judge := production(t)
	for _, restored := range []bool{false, true} {
		var entries []fedmsg.Entry
		for _, m := range messages {
			e := fedmsg.Entry{Envelope: m}
			if restored {
				e.Envelope, _ = wire.AppendRestored(nil, m)
			}
			var told struct {
				ID        string `json:"msg_id"`
				Topic     string
				Timestamp float64
			}
			if err := json.Unmarshal(m, &told); err != nil {
				t.Fatal(err)
			}
			e.ID, e.Topic, e.Received = told.ID, told.Topic, time.Unix(int64(told.Timestamp), 0).UTC()
			if judge(e.Envelope, e.Received) != restored {
				t.Fatalf("%s verifies: %v", e.ID, !restored)
			}
			entries = append(entries, e)
		}
		l := libraryOf(t, entries...)
		a := l.search(t, "/raw?start=1504643021&end=1504643081")
		if a.Count != 15 || a.Total != 15 || a.Pages != 1 {
			t.Errorf("%d of %d on %d pages", a.Count, a.Total, a.Pages)
		}
		for i, m := range a.Messages {
			if !judge(m, entries[0].Received) {
				t.Errorf("message %d does not verify: %s", i, m)
			}
		}
		for i := range entries {
			if w := l.get("/id?id=" + entries[i].ID); !judge(w.Body.Bytes(), entries[i].Received) {
				t.Errorf("%s does not verify: %s", entries[i].ID, w.Body)
			}
		}
		if got := l.search(t, "/raw?category=copr&user=dvdmuckle&package=minsh"); got.Count == 0 {
			t.Error("nothing of dvdmuckle and minsh")
		}
	}
}

// production gives the messages, and what judges whether their signatures hold as of a time, with nothing undone.
func production(t *testing.T) (messages []json.RawMessage, judge func(envelope []byte, at time.Time) bool) {
	t.Helper()
	text, err := os.ReadFile(fedmsgtest.Shared(t, "corpus", "datagrepper-raw-sample.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Messages []json.RawMessage `json:"raw_messages"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var certificates [][]byte
	for _, m := range file.Messages {
		var e struct{ Certificate string }
		if err := json.Unmarshal(m, &e); err != nil {
			t.Fatal(err)
		}
		data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(e.Certificate, "\n", ""))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(data)
		certificates = append(certificates, block.Bytes)
	}
	authority := filepath.Join(t.TempDir(), "fedora.crt")
	if err := os.WriteFile(authority, pkitest.ProductionAuthority(t, certificates...), 0o600); err != nil {
		t.Fatal(err)
	}
	all := []fedmsg.Pattern{fedmsg.MatchAll()}
	store, err := trust.Open(trust.Config{
		File: trust.File{Trust: []trust.Root{{Name: "fedora", CA: authority, Legacy: true, Topics: all}}}, Settings: trust.DefaultSettings(), Every: -1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return file.Messages, func(envelope []byte, at time.Time) bool {
		d := wire.Decoder{Limits: fedmsg.DefaultLimits()}
		e, err := d.Envelope(envelope, wire.Old)
		if err != nil {
			t.Fatal(err)
		}
		r := fedmsg.Record{ID: e.ID, Topic: e.Topic, Envelope: e.Bytes}
		return store.Verify(&r, &e, at) == nil && strings.HasPrefix(r.Signer, "fedora/")
	}
}
