package nats

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// TestAddresses tells what is wrong with an address.
func TestAddresses(t *testing.T) {
	t.Parallel()
	cases := []struct {
		sink, source string
		credentials  string
		want         string // in the error; empty is none
	}{
		{sink: "nats://127.0.0.1"},
		{sink: "nats+tls://nats.example.org:4222/?jetstream=yes&stream=all&format=body&prefix=org.&escape=yes&domain=x", credentials: "f"},
		{sink: "nats://localhost", credentials: "f"},
		{sink: "nats://nats.example.org", credentials: "f", want: "plain text"},
		{sink: "nats://nats.example.org?insecure_plain=yes", credentials: "f"},
		{sink: "nats://ralph@127.0.0.1", want: "file of credentials"},
		{sink: "nats://ralph:secret@127.0.0.1", want: "has a password in it"},
		{sink: "nats://127.0.0.1/x", want: "NATS has none"},
		{sink: "nats://127.0.0.1?stream=all", want: "need jetstream=yes"},
		{sink: "nats://127.0.0.1?jetstream=maybe", want: "yes or no"},
		{sink: "nats://127.0.0.1?jetstream=yes&stream=a.b", want: "name of a stream"},
		{sink: "nats://127.0.0.1?format=fedora", want: "format is one of"},
		{sink: "nats://127.0.0.1?queue=x", want: "not known"},
		{source: "nats://127.0.0.1?subject=org.>&queue=x"},
		{source: "nats://127.0.0.1?jetstream=yes&stream=all&subject=a,b.*&deliver=new&consumer=x"},
		{source: "nats://127.0.0.1", want: "needs subject="},
		{source: "nats://127.0.0.1?jetstream=yes", want: "needs stream=NAME"},
		{source: "nats://127.0.0.1?subject=a..b", want: "cannot be subscribed to"},
		{source: "nats://127.0.0.1?subject=>.b", want: "cannot be subscribed to"},
		{source: "nats://127.0.0.1?subject=a&consumer=x", want: "need jetstream=yes"},
		{source: "nats://127.0.0.1?jetstream=yes&stream=all&queue=x", want: "consumer of its own"},
		{source: "nats://127.0.0.1?jetstream=yes&stream=all&consumer=a.b", want: "name of a consumer"},
		{source: "nats://127.0.0.1?subject=a&format=body", want: "not known"},
	}
	for _, c := range cases {
		var err error
		if c.sink != "" {
			_, err = NewSink(deliver.Config{Name: "it", To: c.sink, Credentials: c.credentials}, nil)
		} else {
			_, err = NewSource(receive.Config{Name: "it", From: c.source, Credentials: c.credentials}, nil)
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s%s: %v; want %q", c.sink, c.source, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows the password: %v", c.sink, err)
		}
	}
}

// TestEscapes holds that what is escaped comes back, and that no two topics meet in a subject.
func TestEscapes(t *testing.T) {
	t.Parallel()
	words := []string{"", "a", "%", "*", ">", "$SYS", "_INBOX", "a b", "%20", "ä", "a*", ">>", "%25", "\x7f", "% "}
	subjects := map[string]string{}
	for _, a := range words {
		for _, b := range words {
			for _, topic := range []string{a, a + "." + b, a + "." + b + "." + a} {
				if topic == "" {
					continue
				}
				subject := escapeTopic(topic)
				if why := checkSubject(subject); why != "" {
					t.Errorf("%q is escaped as %q: %s", topic, subject, why)
				}
				if back := unescapeTopic(subject); back != topic {
					t.Errorf("%q is escaped as %q, which is that of %q", topic, subject, back)
				}
				if other, met := subjects[subject]; met && other != topic {
					t.Errorf("%q and %q are both %q", topic, other, subject)
				}
				subjects[subject] = topic
			}
		}
	}
}

// metaMsg is a message of a stream with nothing but its number.
type metaMsg struct {
	jetstream.Msg
	seq, sent uint64 // number in the stream, number among what was sent on behalf of the consumer
}

func (m metaMsg) Metadata() (*jetstream.MsgMetadata, error) {
	return &jetstream.MsgMetadata{Sequence: jetstream.SequencePair{Stream: m.seq, Consumer: m.sent}}, nil
}

func (m metaMsg) Ack() error { return nil }

// TestOrder gives what is in doubt only when it has all come.
func TestOrder(t *testing.T) {
	t.Parallel()
	type came = []metaMsg
	cases := []struct {
		name    string
		pending int
		come    came
		want    []uint64 // what is given while it comes
		trusted []uint64 // and when there is no doubt any longer
	}{
		{"nothing elsewhere", 0, came{{seq: 1, sent: 8}, {seq: 2, sent: 9}, {seq: 5, sent: 10}}, []uint64{1, 2, 5}, nil},
		{"an earlier connection", 2, came{{seq: 10, sent: 8}, {seq: 7, sent: 9}, {seq: 11, sent: 10}, {seq: 5, sent: 11}}, nil, []uint64{5, 7, 10, 11}},
		{"brought again while under way", 0, came{{seq: 3, sent: 8}, {seq: 3, sent: 9}, {seq: 4, sent: 10}}, []uint64{3, 4}, nil},
		{"one went elsewhere", 0, came{{seq: 3, sent: 8}, {seq: 5, sent: 10}, {seq: 6, sent: 11}, {seq: 4, sent: 12}}, []uint64{3}, []uint64{4, 5, 6}},
		{"the first went elsewhere", 0, came{{seq: 5, sent: 9}, {seq: 4, sent: 10}}, nil, []uint64{4, 5}},
		{"a server that forgot how far it was", 0, came{{seq: 5, sent: 8}, {seq: 6, sent: 4}}, []uint64{5}, []uint64{6}},
	}
	for _, c := range cases {
		o := newOrder(7, c.pending)
		give := func(messages []jetstream.Msg) (seqs []uint64) {
			for _, m := range messages {
				seqs = append(seqs, m.(metaMsg).seq)
			}
			return seqs
		}
		var got []uint64
		for _, m := range c.come {
			got = append(got, give(o.take(m))...)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v was given; want %v", c.name, got, c.want)
		}
		if got := give(o.trust()); !slices.Equal(got, c.trusted) {
			t.Errorf("%s: %v was held; want %v", c.name, got, c.trusted)
		}
	}
}

// TestOrderSettled leaves out what was settled lately, and knows no more of those than it may.
func TestOrderSettled(t *testing.T) {
	t.Parallel()
	o := newOrder(0, 0)
	for seq := range uint64(maxLately + 1) {
		if len(o.take(metaMsg{seq: seq, sent: seq + 1})) != 1 {
			t.Fatalf("message %d is held", seq)
		}
		o.settled(seq)
	}
	if got := o.take(metaMsg{seq: 1, sent: maxLately + 2}); got != nil {
		t.Error("what was settled is given again")
	}
	if len(o.recent) != maxLately || o.here(0) || !o.here(maxLately) || o.underWay() != 0 {
		t.Errorf("%d settled numbers are known, %d messages are under way", len(o.recent), o.underWay())
	}
	o.giveUp()
	if got := o.take(metaMsg{seq: maxLately + 9, sent: maxLately + 9}); len(got) != 1 {
		t.Error("it is held after order was given up")
	}
}

// TestQueue is bounded in number and bytes, and counts what it drops.
func TestQueue(t *testing.T) {
	t.Parallel()
	q := &queue{ready: make(chan struct{}, 1)}
	for range queueMessages + 5 {
		q.put(&nats.Msg{Subject: "a"})
	}
	got := 0
	for batch, dropped := q.take(1000); len(batch) > 0; batch, dropped = q.take(1000) {
		if got == 0 && dropped != 5 || got > 0 && dropped != 0 {
			t.Errorf("behind %d: %d dropped", got, dropped)
		}
		got += len(batch)
	}
	if got != queueMessages {
		t.Errorf("%d messages", got)
	}
	half := &nats.Msg{Subject: "a", Data: make([]byte, queueBytes/2)}
	for range 3 {
		q.put(half)
	}
	if batch, dropped := q.take(10); len(batch) != 1 || dropped != 2 {
		t.Errorf("%d messages and %d dropped where one and a half have room", len(batch), dropped)
	}
	if q.bytes != 0 {
		t.Errorf("%d bytes in an empty queue", q.bytes)
	}
}

// faulty is a connection that fails to write once, and would go on.
type faulty struct {
	net.Conn
	closed bool
}

func (f *faulty) Write(p []byte) (int, error) { return 0, errors.New("not now") }
func (f *faulty) Close() error                { f.closed = true; return nil }

// TestWriteFails ends a connection of which the library would drop a part and go on.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	f := &faulty{}
	if _, err := (socket{f}).Write([]byte("PUB a 0\r\n")); err == nil || !f.closed {
		t.Errorf("error %v, closed %t", err, f.closed)
	}
}

// TestStreamID gives a message without an id always the same, and no other message that.
func TestStreamID(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i := range 100 {
		m := &jetstream.MsgMetadata{Stream: fmt.Sprint("s", i%2), Sequence: jetstream.SequencePair{Stream: uint64(i / 2), Consumer: uint64(i)}}
		id := streamID(m)
		m.Sequence.Consumer, m.NumDelivered = 7, 3
		if id != streamID(m) || seen[id] || len(id) != 41 {
			t.Errorf("%+v has the id %s, then %s", m, id, streamID(m))
		}
		seen[id] = true
	}
}
