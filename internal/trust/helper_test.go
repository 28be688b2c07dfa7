package trust_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/trust"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// then is when the messages of the vectors were made.
var then = time.Unix(1700000000, 0)

// vectorPKI gives a file of the vectors' authority.
func vectorPKI(t testing.TB, name string) string {
	t.Helper()
	return fedmsgtest.Shared(t, "interop", "vectors", "pki", name)
}

func patterns(t testing.TB, list ...string) (out []fedmsg.Pattern) {
	t.Helper()
	for _, text := range list {
		p, err := fedmsg.ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

// vectors is a trust root for the authority of the vectors, that may speak for all topics.
func vectors(t testing.TB) trust.Root {
	t.Helper()
	return trust.Root{
		Name: "research", CA: vectorPKI(t, "ca.crt"), CRL: vectorPKI(t, "crl.pem"), Legacy: true, Topics: patterns(t, "#"),
	}
}

// config is a configuration with these roots, whose files are looked at once.
func config(roots ...trust.Root) trust.Config {
	return trust.Config{File: trust.File{Trust: roots}, Settings: trust.DefaultSettings(), Every: -1}
}

func open(t testing.TB, c trust.Config) *trust.Store {
	t.Helper()
	s, err := trust.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// decode takes an envelope as the old wire does.
func decode(t testing.TB, text []byte) (*fedmsg.Record, *wire.Envelope) {
	t.Helper()
	d := wire.Decoder{Limits: fedmsg.DefaultLimits()}
	e, err := d.Envelope(text, wire.Old)
	if err != nil {
		t.Fatal(err)
	}
	return &fedmsg.Record{ID: e.ID, Topic: e.Topic, Envelope: e.Bytes}, &e
}

// outcome says in one line what a store finds: VERDICT SIGNER, or bad CODE.
func outcome(t testing.TB, s *trust.Store, r *fedmsg.Record, e *wire.Envelope, at time.Time) string {
	t.Helper()
	err := s.Verify(r, e, at)
	if err != nil {
		if r.Verdict != fedmsg.VerdictNone {
			t.Errorf("the verdict is %q beside the error %v", r.Verdict, err)
		}
		return "bad " + string(fedmsg.CodeOf(err))
	}
	if r.Signer == "" {
		return string(r.Verdict)
	}
	return string(r.Verdict) + " " + r.Signer
}

// judged is outcome of an envelope without detached signatures.
func judged(t testing.TB, s *trust.Store, text []byte, at time.Time) string {
	t.Helper()
	r, e := decode(t, text)
	return outcome(t, s, r, e, at)
}

// write makes a file in a directory of its own.
func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// with gives an envelope with other members in place of its own; nil takes one out.
func with(t testing.TB, text []byte, members map[string]any) []byte {
	t.Helper()
	all := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for key, value := range members {
		if value == nil {
			delete(all, key)
			continue
		}
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		all[key] = raw
	}
	out, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// readJSON reads a file of the shared ones.
func readJSON(t testing.TB, into any, elem ...string) {
	t.Helper()
	data, err := os.ReadFile(fedmsgtest.Shared(t, elem...))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// ownSet is a node's own keys.
type ownSet struct {
	mu   sync.Mutex
	keys []keys.Public // guarded by mu
}

func (o *ownSet) get() []keys.Public {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.keys
}

func (o *ownSet) set(list []keys.Public) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keys = list
}

func ownKeys(t testing.TB, list ...*testKey) *ownSet {
	t.Helper()
	o := &ownSet{}
	for _, k := range list {
		p, err := keys.NewPublic(k.key.Public())
		if err != nil {
			t.Fatal(err)
		}
		o.keys = append(o.keys, p)
	}
	return o
}

// verdict is outcome for goroutines, and for loops that count.
func verdict(s *trust.Store, e *wire.Envelope, list json.RawMessage) string {
	r := fedmsg.Record{Topic: e.Topic, Envelope: e.Bytes, Signatures: list}
	if err := s.Verify(&r, e, then); err != nil {
		return "bad " + string(fedmsg.CodeOf(err))
	}
	return string(r.Verdict) + " " + r.Signer
}

func decoderLimits() fedmsg.Limits { return fedmsg.DefaultLimits() }
