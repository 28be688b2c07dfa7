package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/spool"
)

// fullSpool writes files as publishers leave them, without the syncs that they pay for, and gives the directory.
func fullSpool(tb testing.TB, files int) string {
	tb.Helper()
	dir := tb.TempDir()
	for i := range files {
		name := fmt.Sprintf("%020d-%d-%016x.env", i+1, os.Getuid(), i)
		envelope := fmt.Sprintf(`{"topic":"a.b","msg":{"n":%d},"msg_id":"spooled-%d","timestamp":1,"i":%d}`, i, i, i+1)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(envelope), 0o640); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// BenchmarkDrain is a node that comes back to 10,000 messages in a spool.
func BenchmarkDrain(b *testing.B) {
	const files = 10_000
	for b.Loop() {
		b.StopTimer()
		c := setup(b)
		n, err := New(c, Options{Getenv: env(), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		s := spool.New(fullSpool(b, files), spool.Options{})
		b.StartTimer()
		n.drain.drain(b.Context(), s)
		b.StopTimer()
		if pending, err := s.Pending(); pending || err != nil {
			b.Fatal("something is left", err)
		}
		if err := n.stop(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(files)*float64(b.N)/b.Elapsed().Seconds(), "files/s")
}

// fakeDoor keeps what is submitted, and commits all that is under way when a ticket is waited for.
type fakeDoor struct {
	submissions, commits int
	underway             bool                // something is not committed
	lines                map[string][]string // by sender
	refuse               map[string]error    // by line
	room                 int                 // a submission of more lines is refused as a whole; 0 is no bound
}

type fakeTicket struct {
	door     *fakeDoor
	outcomes []fedmsg.Outcome
}

func (d *fakeDoor) Submit(_ context.Context, from fedmsg.Sender, lines ...[]byte) fedmsg.Ticket {
	d.underway = true
	d.submissions++
	t := &fakeTicket{door: d}
	if d.room > 0 && len(lines) > d.room {
		for range lines {
			t.outcomes = append(t.outcomes, fedmsg.Outcome{Err: fedmsg.Errorf(fedmsg.CodeStorageFull, "full")})
		}
		return t
	}
	for _, line := range lines {
		d.lines[from.String()] = append(d.lines[from.String()], string(line))
		t.outcomes = append(t.outcomes, fedmsg.Outcome{Err: d.refuse[string(line)]})
	}
	return t
}

func (t *fakeTicket) Wait(context.Context) ([]fedmsg.Outcome, error) {
	if t.door.underway {
		t.door.underway, t.door.commits = false, t.door.commits+1
	}
	return t.outcomes, nil
}

// nobody is the ids of redacted messages where there are none.
func nobody(string) bool { return false }

// TestDeliverOfRedacted holds that a message whose id was redacted is not kept among the refused ones, whatever it is refused for.
func TestDeliverOfRedacted(t *testing.T) {
	bad := fedmsg.Errorf(fedmsg.CodeRevoked, "revoked")
	door := &fakeDoor{lines: map[string][]string{}, refuse: map[string]error{}}
	var files []spool.File
	for _, document := range []string{
		`{"topic":"a.b","msg":{},"msg_id":"gone","timestamp":1,"i":1}`, `{"topic":"a.b","msg":{},"id":"gone"}`,
		`{"topic":"a.b","msg":{},"id":"here"}`, `{"topic":"a.b"`, `{"topic":"a.b","msg":{}}`,
	} {
		door.refuse[document] = bad
		files = append(files, spool.File{Owner: 1, Envelope: []byte(document)})
	}
	d := newDrainer(nil, spool.Options{}, door, 0, func(id string) bool { return id == "gone" }, slog.New(slog.DiscardHandler))
	var codes []fedmsg.Code
	for _, err := range d.deliver(t.Context(), files) {
		codes = append(codes, fedmsg.CodeOf(err))
	}
	if want := []fedmsg.Code{fedmsg.CodeRedacted, fedmsg.CodeRedacted, fedmsg.CodeRevoked, fedmsg.CodeRevoked, fedmsg.CodeRevoked}; !slices.Equal(codes, want) {
		t.Errorf("%v", codes)
	}
}

// TestDeliverSharesCommits holds that files of several owners, mixed, are under way at once, each as its owner's and each
// owner's in order, and that each gets its own fate.
func TestDeliverSharesCommits(t *testing.T) {
	bad := fedmsg.Errorf(fedmsg.CodeBadTopic, "bad")
	door := &fakeDoor{lines: map[string][]string{}, refuse: map[string]error{"3": bad}}
	d := newDrainer(nil, spool.Options{}, door, 0, nobody, slog.New(slog.DiscardHandler))
	var files []spool.File
	for i, owner := range []uint32{1, 2, 1, 3, 2, 1} {
		files = append(files, spool.File{Owner: owner, Envelope: []byte(strconv.Itoa(i))})
	}
	errs := d.deliver(t.Context(), files)
	if want := []error{nil, nil, nil, bad, nil, nil}; !slices.Equal(errs, want) {
		t.Errorf("fates %v", errs)
	}
	want := map[string][]string{"uid:1": {"0", "2", "5"}, "uid:2": {"1", "4"}, "uid:3": {"3"}}
	if !maps.EqualFunc(door.lines, want, slices.Equal[[]string]) {
		t.Errorf("submitted %v", door.lines)
	}
	if door.commits != 1 || door.submissions != 3 {
		t.Errorf("%d commits of %d submissions", door.commits, door.submissions)
	}
}

// TestDeliverAloneWhatHasNoRoomTogether holds that a small log does not refuse a spool for ever.
func TestDeliverAloneWhatHasNoRoomTogether(t *testing.T) {
	door := &fakeDoor{lines: map[string][]string{}, room: 1}
	d := newDrainer(nil, spool.Options{}, door, 0, nobody, slog.New(slog.DiscardHandler))
	files := []spool.File{{Owner: 1, Envelope: []byte("0")}, {Owner: 1, Envelope: []byte("1")}}
	if errs := d.deliver(t.Context(), files); len(errs) != 1 || errs[0] != nil || !slices.Equal(door.lines["uid:1"], []string{"0"}) {
		t.Errorf("fates %v, stored %v", errs, door.lines)
	}
}

// TestDrainKeepsOrder fetches more than one batch through the real door.
func TestDrainKeepsOrder(t *testing.T) {
	const files = 600
	c := setup(t)
	c.Spool.Directory = fullSpool(t, files)
	r := start(t, c, Options{})
	for i, e := range r.follow(t, files) {
		if want := fmt.Sprintf("spooled-%d", i); e.ID != want || e.Sender != "uid:"+strconv.Itoa(os.Getuid()) {
			t.Fatalf("entry %d is %s of %s, want %s", i+1, e.ID, e.Sender, want)
		}
	}
}
