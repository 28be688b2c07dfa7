package commitlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// openLog opens a log and closes it when the test ends.
func openLog(t testing.TB, dir string, o Options) *Log {
	t.Helper()
	l, err := Open(dir, o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// record makes a record whose every field is set; n makes it differ from others, size is that of the envelope.
func record(n, size int) fedmsg.Record {
	id := fmt.Sprintf("2026-%08d-0000-4000-8000-000000000000", n)
	envelope := append([]byte(fmt.Sprintf(`{"msg":{"n":%d,"pad":"`, n)), bytes.Repeat([]byte{'x'}, size)...)
	envelope = append(envelope, `"}}`...)
	return fedmsg.Record{
		ID: id, Topic: fmt.Sprintf("org.example.test.service%d.event", n%7), Envelope: envelope, Sender: "uid:1000",
		Signer: "signer", Verdict: "good", Signatures: []byte(`[{"sig":"aa"}]`), Origin: fedmsg.Position{Log: "abcdefghijkl", Seq: uint64(n)},
		Made: n%2 == 0, NotIJSON: n%3 == 0,
	}
}

func records(from, n, size int) []fedmsg.Record {
	rs := make([]fedmsg.Record, n)
	for i := range rs {
		rs[i] = record(from+i, size)
	}
	return rs
}

// submit submits and waits; every record must get a receipt or the wanted code.
func submit(t testing.TB, l *Log, rs ...fedmsg.Record) []fedmsg.Outcome {
	t.Helper()
	ticket, err := l.Submit(context.Background(), rs...)
	if err != nil {
		t.Fatalf("Submit: %v", err)
	}
	out, err := ticket.Wait(context.Background())
	if err != nil {
		t.Fatalf("Wait: %v", err)
	}
	return out
}

func mustSubmit(t testing.TB, l *Log, rs ...fedmsg.Record) []fedmsg.Receipt {
	t.Helper()
	out := submit(t, l, rs...)
	receipts := make([]fedmsg.Receipt, len(out))
	for i, o := range out {
		if o.Err != nil {
			t.Fatalf("record %d: %v", i, o.Err)
		}
		receipts[i] = o.Receipt
	}
	return receipts
}

// readAll reads to the durable end.
func readAll(t testing.TB, l *Log, after uint64) (entries []fedmsg.Entry, gaps []fedmsg.Gap) {
	t.Helper()
	r := l.Reader(after)
	defer r.Close() //nolint:errcheck // nothing was written
	for {
		e, err := r.Next()
		var gap *fedmsg.Gap
		switch {
		case err == nil:
			entries = append(entries, *e)
		case errors.As(err, &gap):
			gaps = append(gaps, *gap)
		case errors.Is(err, io.EOF):
			return entries, gaps
		default:
			t.Fatalf("Next: %v", err)
		}
	}
}

// sameEntry compares an entry with the record it came from.
func sameEntry(t testing.TB, e *fedmsg.Entry, r *fedmsg.Record, p fedmsg.Position, received time.Time) {
	t.Helper()
	want := entryOf(r, p, received)
	if e.Position != want.Position || !e.Received.Equal(want.Received) || e.ID != want.ID || e.Topic != want.Topic || e.Sender != want.Sender ||
		e.Signer != want.Signer || e.Verdict != want.Verdict || !bytes.Equal(e.Envelope, want.Envelope) || !bytes.Equal(e.Signatures, want.Signatures) ||
		e.Origin != want.Origin || e.Made != want.Made || e.NotIJSON != want.NotIJSON {
		t.Fatalf("entry differs:\n got %+v\nwant %+v", *e, want)
	}
}

func TestAppendAndRead(t *testing.T) {
	for _, segment := range []int64{0, 4 << 10} {
		t.Run(fmt.Sprint(segment), func(t *testing.T) {
			dir := t.TempDir()
			var committed []fedmsg.Entry
			l := openLog(t, dir, Options{SegmentBytes: segment, Committed: func(es []fedmsg.Entry) { committed = append(committed, es...) }})
			rs := records(0, 300, 200)
			var receipts []fedmsg.Receipt
			for i := 0; i < len(rs); i += 10 {
				receipts = append(receipts, mustSubmit(t, l, rs[i:i+10]...)...)
			}
			compare := func(l *Log) {
				t.Helper()
				entries, gaps := readAll(t, l, 0)
				if len(gaps) > 0 || len(entries) != len(rs) {
					t.Fatalf("%d entries, gaps %v", len(entries), gaps)
				}
				for i := range entries {
					if receipts[i].Seq != uint64(i+1) || receipts[i].Duplicate || receipts[i].ID != rs[i].ID {
						t.Fatalf("receipt %d: %+v", i, receipts[i])
					}
					sameEntry(t, &entries[i], &rs[i], receipts[i].Position, receipts[i].Received)
					sameEntry(t, &committed[i], &rs[i], receipts[i].Position, receipts[i].Received)
					e, err := l.Get(uint64(i + 1))
					if err != nil {
						t.Fatal(err)
					}
					sameEntry(t, &e, &rs[i], receipts[i].Position, receipts[i].Received)
					e, ok, err := l.Find(rs[i].ID)
					if err != nil || !ok {
						t.Fatalf("Find: %v %v", ok, err)
					}
					sameEntry(t, &e, &rs[i], receipts[i].Position, receipts[i].Received)
				}
			}
			compare(l)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			sum, err := Check(dir, func(f Finding) { t.Errorf("finding: %+v", f) })
			if err != nil || sum.Entries != 300 || sum.Last != 300 {
				t.Fatalf("Check: %+v %v", sum, err)
			}
			l = openLog(t, dir, Options{SegmentBytes: segment})
			compare(l)
			again := mustSubmit(t, l, rs...)
			for i := range again {
				want := receipts[i]
				want.Duplicate = true
				if !again[i].Received.Equal(want.Received) || again[i].Position != want.Position || !again[i].Duplicate {
					t.Fatalf("after restart: %+v, want %+v", again[i], want)
				}
			}
			if got := l.Info(); got.Last != 300 || got.First != 1 {
				t.Fatalf("%+v", got)
			}
		})
	}
}
