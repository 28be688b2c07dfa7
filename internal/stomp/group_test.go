package stomp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

const activeWelcome = "CONNECTED\nversion:1.2\nserver:ActiveMQ/5.17.2\n\n\x00"

// listened is a session with an ActiveMQ that never answers.
type listened struct {
	deliver.Session
	t     *testing.T
	m     *memory
	heard chan string // the commands that it heard, when the session is closed
}

func startListened(t *testing.T) *listened {
	t.Helper()
	s := startStrange(t)
	l := &listened{t: t, m: newMemory(), heard: make(chan string, 1)}
	sink, err := NewSink(deliver.Config{To: "stomp://" + s.Addr().String()}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, r := s.meet(activeWelcome)
		l.heard <- heardUntil(r, "DISCONNECT")
	}()
	if l.Session, err = sink.Open(soon(t), &deliver.Answers{}); err != nil {
		t.Fatal(err)
	}
	return l
}

// send sends so many entries with bodies of so many bytes.
func (l *listened) send(count, size int) {
	l.t.Helper()
	for range count {
		if err := l.Send(soon(l.t), l.m.say("x", `"`+strings.Repeat("x", size)+`"`, "")); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *listened) flush() {
	l.t.Helper()
	if err := l.Flush(soon(l.t)); err != nil {
		l.t.Fatal(err)
	}
}

// wantFull holds that nothing more can be sent, and closes the session, which has to have said this.
func (l *listened) wantFull(said string) {
	l.t.Helper()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Send(over, l.m.say("x", `{}`, "")); !errors.Is(err, context.Canceled) {
		l.t.Errorf("behind what has to be answered another one is sent: %v", err)
	}
	l.Close()
	if got := <-l.heard; !regexp.MustCompile("^" + said + "DISCONNECT $").MatchString(got) {
		l.t.Errorf("the server heard\n%s, want\n%s", got, said)
	}
}

// TestTransactions sees what ActiveMQ is sent: many entries in few transactions, and at the end one alone.
func TestTransactions(t *testing.T) {
	t.Parallel()
	l := startListened(t)
	l.send(maxBytes/(overhead+200)+2, 2) // with what is around an envelope in its frame fewer fit
	l.send(2, maxBytes/2)                // with these it is full
	l.send(1, maxBytes)                  // one is full itself
	l.send(1, 2)
	l.flush()
	l.flush()
	l.wantFull(`BEGIN SEND \+{50,200}COMMIT BEGIN SEND \++COMMIT BEGIN SEND COMMIT SEND `)
}

// TestUnanswered has at most two transactions that were not full wait for their receipts.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	l := startListened(t)
	for range 2 {
		l.send(2, 2)
		l.flush()
	}
	l.wantFull(`BEGIN SEND \+COMMIT BEGIN SEND \+COMMIT `)
}

// heardUntil gives the commands of what a client says up to this one or its end, with a + for each that is the same as before.
func heardUntil(r *bufio.Reader, last string) string {
	var text strings.Builder
	for before := ""; ; {
		f, err := r.ReadString(0)
		command, _, _ := strings.Cut(f, "\n")
		if command == before {
			text.WriteByte('+')
		} else {
			text.WriteString(command + " ")
		}
		if err != nil || command == last {
			return text.String()
		}
		before = command
	}
}

// TestOneAlone has entries come one by one: the first goes without a transaction, and those that come before its receipt gather.
func TestOneAlone(t *testing.T) {
	t.Parallel()
	s, m := startStrange(t), newMemory()
	set := deliverTo(t, m, deliver.Config{To: "stomp://" + s.Addr().String(), RetryFirst: time.Hour, RetryMax: time.Hour})
	first := m.say("x", `{}`, "")
	c, r := s.meet(activeWelcome)
	expect := func(command string, headers ...string) {
		t.Helper()
		f, err := r.ReadString(0)
		if err != nil || !strings.HasPrefix(f, command+"\n") {
			t.Fatalf("the client says %q, %v; want %s", f, err, command)
		}
		for _, h := range headers {
			if !strings.Contains(f, "\n"+h+"\n") {
				t.Errorf("the client says %q, without %s", f, h)
			}
		}
	}
	expect("SEND", "receipt:1")
	m.say("x", `{}`, "")
	await(t, "it wants to send the second", func() bool { return set.List()[0].InFlight == 2 })
	third := m.say("x", `{}`, "")
	fmt.Fprint(c, "RECEIPT\nreceipt-id:1\n\n\x00")
	fate(t, set, first)
	expect("BEGIN", "transaction:2")
	expect("SEND", "transaction:2")
	expect("SEND", "transaction:2")
	expect("COMMIT", "transaction:2", "receipt:3")
	fmt.Fprint(c, "RECEIPT\nreceipt-id:3\n\n\x00")
	if d := fate(t, set, third); d.State != fedmsg.DeliveryDelivered {
		t.Errorf("%+v", d)
	}
	m.say("x", `{}`, "")
	expect("SEND", "receipt:4")
	fmt.Fprint(c, "ERROR\nreceipt-id:4\nmessage:why\n\n\x00ERROR\nmessage:of another\n\n\x00")
	await(t, "it is told why", func() bool { return strings.Contains(set.List()[0].LastError, `the server says "why"`) })
}

// TestPaceOfOne has only what was a transaction speak for larger ones, and silence for transactions, also of one entry.
func TestPaceOfOne(t *testing.T) {
	t.Parallel()
	p := newPace()
	session := func(single, committed, flushed, heard uint64) {
		n := &session{sink: &Sink{pace: p}, group: newGroup()}
		n.group.committed, n.group.flushed = committed, flushed
		n.group.single.Store(single)
		if heard > 0 {
			n.answered(heard)
		}
		n.unheard()
	}
	for i, c := range []struct {
		single, committed, flushed, heard uint64
		good                              int
		alone                             bool
		most                              int
	}{
		{single: 7, flushed: 7, heard: 7, good: 0, alone: true, most: maxBytes},
		{committed: 9, flushed: 9, heard: 9, good: 1, alone: true, most: maxBytes},
		{single: 7, flushed: 7, good: 1, alone: false, most: maxBytes},
		{committed: 9, flushed: 9, heard: 9, good: 2, alone: true, most: maxBytes},
		{committed: 9, flushed: 9, good: 0, alone: false, most: maxBytes / 4},
	} {
		session(c.single, c.committed, c.flushed, c.heard)
		if p.good != c.good || p.alone() != c.alone || p.most != c.most {
			t.Errorf("behind session %d: %d committed, alone %t, at most %d; want %+v", i+1, p.good, p.alone(), p.most, c)
		}
	}
}

// TestPace makes transactions smaller when one was met with silence, and larger again in the course of time.
func TestPace(t *testing.T) {
	t.Parallel()
	p := newPace()
	if p.full(1, 1000) || !p.full(1, maxBytes) || !p.full(maxBytes/overhead, 0) {
		t.Error("the bounds are not those that it begins with")
	}
	for range 20 {
		p.silence(true)
	}
	if !p.full(1, 1) {
		t.Error("a transaction that never fits has more than one message")
	}
	for range growth * 30 {
		p.committed()
	}
	if p.full(1, 1000) || !p.full(1, maxBytes) {
		t.Error("it does not grow again up to where it began")
	}
}
