package ingest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// memLog is a log in memory. While held, what is submitted is in flight: ordered, and neither durable nor answered.
type memLog struct {
	mu      sync.Mutex
	entries []fedmsg.Entry
	byID    map[string]int
	flight  []*memTicket
	held    bool
	err     error         // what Submit gives
	refusal error         // the outcome of each record, where it is set
	until   time.Time     // what was received up to then is gone; zero where all is there
	waited  chan struct{} // has room for one sign that somebody waits for what is in flight
}

type memTicket struct {
	log     *memLog
	records []fedmsg.Record
	out     []fedmsg.Outcome
	done    chan struct{}
}

func newMemLog() *memLog { return &memLog{byID: map[string]int{}, waited: make(chan struct{}, 1)} }

func (l *memLog) Submit(_ context.Context, records ...fedmsg.Record) (fedmsg.Ticket, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return nil, l.err
	}
	t := &memTicket{log: l, records: records, done: make(chan struct{})}
	l.flight = append(l.flight, t)
	if !l.held {
		l.commit()
	}
	return t, nil
}

// hold keeps what is submitted from now on in flight.
func (l *memLog) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = true
}

// release makes everything in flight durable.
func (l *memLog) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = false
	l.commit()
}

func (l *memLog) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *memLog) commit() {
	for _, t := range l.flight {
		for i := range t.records {
			t.out = append(t.out, l.store(&t.records[i]))
		}
		close(t.done)
	}
	l.flight = nil
}

// refuse has each record end with err, after it was taken.
func (l *memLog) refuse(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refusal = err
}

func (l *memLog) store(r *fedmsg.Record) fedmsg.Outcome {
	if l.refusal != nil {
		return fedmsg.Outcome{Err: l.refusal}
	}
	i, found := l.byID[r.ID]
	if found && !Same(&l.entries[i], r) {
		return fedmsg.Outcome{Err: fedmsg.Errorf(fedmsg.CodeIDConflict, "another message with id %s is stored already", r.ID)}
	}
	if !found {
		i = len(l.entries)
		l.byID[r.ID] = i
		l.entries = append(l.entries, fedmsg.Entry{
			Position: fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: uint64(i + 1)}, Received: start, ID: r.ID, Topic: r.Topic,
			Sender: r.Sender, Envelope: r.Envelope, Made: r.Made,
			Signer: r.Signer, Verdict: r.Verdict, Signatures: r.Signatures, Origin: r.Origin, NotIJSON: r.NotIJSON,
		})
	}
	p := l.entries[i].Position
	return fedmsg.Outcome{Receipt: fedmsg.Receipt{ID: r.ID, Position: p, Seq: p.Seq, Received: start, Duplicate: found}}
}

func (l *memLog) Find(id string) (fedmsg.Entry, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i, ok := l.byID[id]; ok {
		return l.entries[i], true, nil
	}
	return fedmsg.Entry{}, false, nil
}

func (l *memLog) Trimmed() (time.Time, bool) { return l.until, !l.until.IsZero() }

// clear forgets what is stored.
func (l *memLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
	clear(l.byID)
}

// all gives the durable entries.
func (l *memLog) all() []fedmsg.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]fedmsg.Entry(nil), l.entries...)
}

func (t *memTicket) Wait(ctx context.Context) ([]fedmsg.Outcome, error) {
	select {
	case <-t.done:
		return t.out, nil
	case t.log.waited <- struct{}{}:
	default:
	}
	select {
	case <-t.done:
		return t.out, nil
	case <-ctx.Done():
		return nil, fedmsg.Errorf(fedmsg.CodeTimeout, "the outcome is unknown")
	}
}

// root may publish everything by default.
var root = fedmsg.Sender{Kind: fedmsg.SenderUID, Name: "0"}

// accounts are the users that tests know.
func accounts(uid string) Account {
	return map[string]Account{
		"0": {"root", []string{"root"}}, "990": {"fedmsg", []string{"fedmsg"}}, "1000": {"ann", []string{"ann", "users"}},
		"1001": {"ben", []string{"ben", "fedmsg"}}, "1002": {"cat", []string{"cat", "builders"}},
	}[uid]
}

// newDoor makes a door into log, as root of a node that runs as user 990, signs nothing and takes what nobody signed.
func newDoor(log Log, change func(*Config)) *Door {
	c := Config{
		Log: log, UID: 990, Accounts: accounts, Now: func() time.Time { return start },
		Verify: fedmsg.VerifyIfSigned, Verifier: &fakeVerifier{},
	}
	if change != nil {
		change(&c)
	}
	return New(c)
}

// fakeVerifier believes what a signature or the first keyid says: VERDICT:SIGNER or CODE:SIGNER. What it cannot read is a
// good signature of somebody.
type fakeVerifier struct {
	calls  atomic.Int64
	before func() // called by each
}

func (f *fakeVerifier) Verify(r *fedmsg.Record, e *wire.Envelope, at time.Time) error {
	f.calls.Add(1)
	if f.before != nil {
		f.before()
	}
	said := strings.Trim(string(e.Signature), `"`)
	if r.Signatures != nil {
		_, said, _ = strings.Cut(string(r.Signatures), `"keyid":"`)
		said, _, _ = strings.Cut(said, `"`)
	}
	if !bytes.Equal(r.Envelope, e.Bytes) || r.Topic != e.Topic || !at.Equal(start) {
		return fmt.Errorf("asked with %q, %s at %v", r.Envelope, r.Topic, at)
	}
	word, signer, ok := strings.Cut(said, ":")
	r.Signer = signer
	switch v := fedmsg.Verdict(word); {
	case said == "":
		r.Verdict = fedmsg.VerdictUnsigned
	case !ok:
		r.Signer, r.Verdict = "somebody", fedmsg.VerdictOK
	case v == fedmsg.VerdictOK || v == fedmsg.VerdictTopicNotCovered || v == fedmsg.VerdictNone:
		r.Verdict = v
	default:
		return fedmsg.Errorf(fedmsg.Code(word), "the signature is %s", word)
	}
	return nil
}

// signedTopics is what a fakeSigner signs.
var signedTopics = patterns("node.#")

// fakeSigner signs what is below the topic node.
type fakeSigner struct {
	calls  atomic.Int64
	embed  bool                       // put a signature into the envelope
	before func(*fedmsg.Record) error // called by each
}

func (f *fakeSigner) Topics() []fedmsg.Pattern { return signedTopics }

func (f *fakeSigner) Grows() int {
	if f.embed {
		return len(`,"signature":"ok:node"`)
	}
	return 0
}

func (f *fakeSigner) Sign(r *fedmsg.Record) error {
	f.calls.Add(1)
	if f.before != nil {
		if err := f.before(r); err != nil {
			return err
		}
	}
	if f.embed {
		r.Envelope = append(append([]byte(nil), r.Envelope[:len(r.Envelope)-1]...), `,"signature":"ok:node"}`...)
	}
	r.Signer, r.Verdict, r.Signatures = "node", fedmsg.VerdictOK, []byte(`[{"keyid":"ok:node","sig":"AA=="}]`)
	return nil
}

// accept submits lines as root and waits.
func accept(t *testing.T, d *Door, lines ...string) []fedmsg.Outcome {
	t.Helper()
	return acceptFrom(t, d, root, lines...)
}

func acceptFrom(t *testing.T, d *Door, from fedmsg.Sender, lines ...string) []fedmsg.Outcome {
	t.Helper()
	raw := make([][]byte, len(lines))
	for i := range lines {
		raw[i] = []byte(lines[i])
	}
	out, err := d.Accept(t.Context(), from, raw...)
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != len(lines) {
		t.Fatalf("%d outcomes for %d lines", len(out), len(lines))
	}
	return out
}

// word says an outcome in one word: new, duplicate or the code.
func word(o fedmsg.Outcome) string {
	switch {
	case o.Err != nil:
		return string(fedmsg.CodeOf(o.Err))
	case o.Receipt.Duplicate:
		return "duplicate"
	}
	return "new"
}

func words(out []fedmsg.Outcome) []string {
	var w []string
	for _, o := range out {
		w = append(w, word(o))
	}
	return w
}
