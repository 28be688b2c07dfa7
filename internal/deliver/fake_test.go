package deliver

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

const testLog = fedmsg.LogID("k3v5q2m7x4ab")

// memLog is a log in memory.
type memLog struct {
	mu      sync.Mutex
	entries []*fedmsg.Entry
	gone    uint64 // entries up to this one are trimmed
	size    int    // of each envelope to come; 0 is small
	id      fedmsg.LogID

	ancestor fedmsg.LogID // another log of which entries up to limit are this one's
	limit    uint64

	broken  error // what readers get in place of entries
	cursors map[*memCursor]bool
}

func newMemLog() *memLog { return &memLog{id: testLog, cursors: map[*memCursor]bool{}} }

// add appends n entries on a topic, and gives the last.
func (l *memLog) add(topic string, n int) *fedmsg.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range n {
		seq := uint64(len(l.entries) + 1)
		l.entries = append(l.entries, &fedmsg.Entry{
			Position: l.at(seq), Received: time.Now().UTC(), ID: fmt.Sprintf("id-%d", seq), Topic: topic, Envelope: append([]byte(`{"msg":{}}`), make([]byte, l.size)...),
		})
	}
	for c := range l.cursors {
		c.Wake()
	}
	return l.entries[len(l.entries)-1]
}

func (l *memLog) entry(seq uint64) *fedmsg.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries[seq-1]
}

func (l *memLog) trim(to uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = to
}

func (l *memLog) breakWith(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = err
	for c := range l.cursors {
		c.Wake()
	}
}

func (l *memLog) End() fedmsg.Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at(uint64(len(l.entries)))
}

func (l *memLog) at(seq uint64) fedmsg.Position { return fedmsg.Position{Log: l.id, Seq: seq} }

func (l *memLog) Cursor(after fedmsg.Position) (Cursor, *fedmsg.Gap) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &memCursor{log: l, seq: after.Seq, wake: make(chan struct{}, 1)}
	l.cursors[c] = true
	end := uint64(len(l.entries))
	switch {
	case after.IsZero():
		c.seq = l.gone
	case after.Log == l.ancestor && after.Seq > l.limit:
		c.seq = l.limit
		return c, &fedmsg.Gap{From: after, To: l.at(l.limit), Reason: fedmsg.GapAhead}
	case after.Log != l.id && after.Log != l.ancestor:
		c.seq = l.gone
		return c, &fedmsg.Gap{From: after, To: l.at(l.gone), Reason: fedmsg.GapOtherLog}
	case after.Seq > end:
		c.seq = end
		return c, &fedmsg.Gap{From: after, To: l.at(end), Reason: fedmsg.GapAhead}
	case after.Seq < l.gone:
		c.seq = l.gone
		return c, &fedmsg.Gap{From: l.at(after.Seq + 1), To: l.at(l.gone), Reason: fedmsg.GapTrimmed}
	}
	return c, nil
}

type memCursor struct {
	log  *memLog
	seq  uint64
	wake chan struct{}
}

func (c *memCursor) Next() (*fedmsg.Entry, error) {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	switch {
	case c.log.broken != nil:
		return nil, c.log.broken
	case c.seq < c.log.gone:
		gap := &fedmsg.Gap{From: c.log.at(c.seq + 1), To: c.log.at(c.log.gone), Reason: fedmsg.GapTrimmed}
		c.seq = c.log.gone
		return nil, gap
	case c.seq >= uint64(len(c.log.entries)):
		return nil, io.EOF
	}
	c.seq++
	return c.log.entries[c.seq-1], nil
}

func (c *memCursor) Wait() {
	c.log.mu.Lock()
	ready := c.log.broken == nil && c.seq < uint64(len(c.log.entries))
	c.log.mu.Unlock()
	if !ready {
		<-c.wake
	}
}

func (c *memCursor) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *memCursor) Close() error {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	delete(c.log.cursors, c)
	return nil
}

func at(seq uint64) fedmsg.Position { return fedmsg.Position{Log: testLog, Seq: seq} }

// fakeSink is a destination of which a test says how it behaves.
type fakeSink struct {
	// open is asked at each Open, with its number from 1; nil lets all succeed.
	open func(n int) error
	// fate is asked for each entry that is flushed, with how often it came; nil is fateOK for all.
	fate func(seq uint64, times int) fateOf

	// mute has a batch that breaks the connection break it before anything of it is answered, though it was taken.
	mute bool
	// hang has Open wait for the end of its context.
	hang bool
	// remark is said of an entry; nil and empty say nothing.
	remark func(seq uint64) string

	mu     sync.Mutex
	opens  int
	closes int
	got    []uint64       // numbers of what the destination has, in its order
	times  map[uint64]int // how often each was sent
	most   int            // the most entries that were open at once
	flush  int
	last   *fakeSession
	block  chan struct{} // Send waits for it, if it is not nil
}

var errFull = fedmsg.Errorf(fedmsg.CodeStorageFull, "the disk is full")

// fateOf is how a destination behaves with one entry.
type fateOf int

const (
	fateOK           fateOf = iota
	fatePermanent           // refused for good
	fateFail                // refused for now
	fateFailHappened        // it has it, and refuses it for now
	fateLost                // the connection breaks, and it has it not
	fateLostHappened        // the connection breaks, and it has it
	fateSilent              // it has it not, and says nothing
	fateSilentHappened
	fateSendFails     // Send itself fails
	fateSendPermanent // Send itself refuses it for good
	fateNotNow        // the destination takes nothing now, and says so of this one,
	fateEndsNotNow    // or ends the connection with it,
	fateSendNotNow    // or at Send
)

func (s *fakeSink) Open(ctx context.Context, answers *Answers) (Session, error) {
	if s.hang {
		s.mu.Lock()
		s.opens++
		s.mu.Unlock()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opens++
	if s.open != nil {
		if err := s.open(s.opens); err != nil {
			return nil, err
		}
	}
	s.last = &fakeSession{s: s, answers: answers}
	return s.last, nil
}

// current is the newest session.
func (s *fakeSink) current() *fakeSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

type fakeSession struct {
	s       *fakeSink
	answers *Answers
	buffer  []sentEntry
	dead    bool
	silent  bool // nothing of the batch is answered
}

func (f *fakeSession) Send(ctx context.Context, e *fedmsg.Entry) error {
	if f.s.block != nil {
		select {
		case <-f.s.block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	if f.s.times == nil {
		f.s.times = map[uint64]int{}
	}
	seq := e.Position.Seq
	f.s.times[seq]++
	how := fateOK
	if f.s.fate != nil {
		how = f.s.fate(seq, f.s.times[seq])
	}
	switch how {
	case fateSendFails:
		return fmt.Errorf("broken pipe")
	case fateSendNotNow:
		return NotNow(errFull)
	case fateSendPermanent:
		return Permanent(fmt.Errorf("entry %d cannot be written", seq))
	}
	f.buffer = append(f.buffer, sentEntry{seq, how})
	f.s.most = max(f.s.most, len(f.buffer))
	return nil
}

// sentEntry is on its way to a destination that will do so with it.
type sentEntry struct {
	seq uint64
	how fateOf
}

// Flush has the destination take what was sent, from a goroutine of its own as sessions do.
func (f *fakeSession) Flush(context.Context) error {
	f.s.mu.Lock()
	f.s.flush++
	f.s.mu.Unlock()
	batch := f.buffer
	f.buffer = nil
	f.silent = f.s.mute && slices.ContainsFunc(batch, func(e sentEntry) bool { return e.how == fateLost })
	var done sync.WaitGroup
	done.Go(func() {
		for _, e := range batch {
			f.take(e.seq, e.how)
		}
	})
	done.Wait()
	return nil
}

func (f *fakeSession) take(seq uint64, how fateOf) {
	if f.dead {
		return
	}
	s := f.s
	s.mu.Lock()
	if how == fateOK || how == fateFailHappened || how == fateLostHappened || how == fateSilentHappened {
		s.got = append(s.got, seq)
	}
	s.mu.Unlock()
	if s.remark != nil && s.remark(seq) != "" {
		f.answers.Remark(seq, s.remark(seq))
	}
	if f.silent && how != fateLost {
		return
	}
	switch how {
	case fateOK:
		f.answers.Done(seq, nil)
	case fatePermanent:
		f.answers.Done(seq, Permanent(fedmsg.Errorf(fedmsg.CodeTooLarge, "entry %d is too large for this bus", seq)))
	case fateFail, fateFailHappened:
		f.answers.Done(seq, fmt.Errorf("entry %d is refused for now", seq))
	case fateNotNow:
		f.answers.Done(seq, NotNow(errFull))
	case fateEndsNotNow:
		f.dead = true
		f.answers.Lost(NotNow(errFull))
	case fateLost, fateLostHappened:
		f.dead = true
		f.answers.Lost(fmt.Errorf("connection reset"))
	case fateSilent, fateSilentHappened:
		f.dead = true
	}
}

func (f *fakeSession) Close() error {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	f.s.closes++
	return nil
}

// change has a test change how the destination behaves.
func (s *fakeSink) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// sessions is how many were opened and closed.
func (s *fakeSink) sessions() (opens, closes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opens, s.closes
}

// all gives what the destination has.
func (s *fakeSink) all() []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]uint64(nil), s.got...)
}

// config is a Config that wants everything from the beginning.
func config(t testing.TB, name string) Config {
	t.Helper()
	return Config{Name: name, To: "test://there", Topics: patterns(t, "#"), Start: "beginning", InFlight: 8}
}

func patterns(t testing.TB, texts ...string) []fedmsg.Pattern {
	t.Helper()
	var all []fedmsg.Pattern
	for _, text := range texts {
		p, err := fedmsg.ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// patient bounds a failing test, in virtual time.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
	t.Cleanup(cancel)
	return ctx
}

// newSet makes a Set of one sink over a directory.
func newSet(t testing.TB, log Log, dir string, c Config, sink Sink) *Set {
	t.Helper()
	s, err := New([]Configured{{Config: c, Sink: sink}}, Deps{Log: log, Places: dir + "/places", Dir: dir + "/sinks", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// startSet makes a Set of one sink and has it stopped at the end of the test.
func startSet(t testing.TB, log Log, dir string, c Config, sink Sink) *Set {
	t.Helper()
	s := newSet(t, log, dir, c, sink)
	s.Start()
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t testing.TB, s *Set) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}
