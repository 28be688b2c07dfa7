package feed

import (
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

const logID = fedmsg.LogID("k3v5q2m7x4ab")

func at(seq uint64) fedmsg.Position { return fedmsg.Position{Log: logID, Seq: seq} }

// fakeLog is a log in memory.
type fakeLog struct {
	mu      sync.Mutex
	entries []fedmsg.Entry // from number 1 on
	trimmed uint64         // number of the last entry that is gone
	opened  int            // readers ever opened
	open    int            // readers open now
}

// grow makes n entries durable and gives them.
func (l *fakeLog) grow(n int) []fedmsg.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := len(l.entries)
	for range n {
		seq := uint64(len(l.entries) + 1)
		l.entries = append(l.entries, fedmsg.Entry{
			Position: at(seq), ID: fmt.Sprintf("id-%d", seq), Topic: "org.example.dev.test.made",
			Envelope: fmt.Appendf(nil, `{"n":%d}`, seq),
		})
	}
	return l.entries[from:len(l.entries):len(l.entries)]
}

func (l *fakeLog) trim(to uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trimmed = max(l.trimmed, to)
}

func (l *fakeLog) reader(after uint64) LogReader {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opened++
	l.open++
	return &fakeReader{log: l, after: after}
}

type fakeReader struct {
	log   *fakeLog
	after uint64
}

func (r *fakeReader) Next() (*fedmsg.Entry, error) {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	if r.after < r.log.trimmed {
		gap := &fedmsg.Gap{From: at(r.after + 1), To: at(r.log.trimmed), Reason: fedmsg.GapTrimmed}
		r.after = r.log.trimmed
		return nil, gap
	}
	if r.after >= uint64(len(r.log.entries)) {
		return nil, io.EOF
	}
	r.after++
	return &r.log.entries[r.after-1], nil
}

func (r *fakeReader) Close() error {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	r.log.open--
	return nil
}

// newFeed starts a feed over the log as it is now.
func newFeed(t testing.TB, l *fakeLog, ringBytes, ringEntries int) *Feed {
	f := New(Config{Log: logID, Last: uint64(len(l.entries)), Open: l.reader, RingBytes: ringBytes, RingEntries: ringEntries})
	t.Cleanup(f.Close)
	return f
}
