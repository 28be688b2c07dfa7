package mailin

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// logDoor is a door with a log behind it.
type logDoor struct {
	mu     sync.Mutex // guards what follows
	ids    []string   // stored, in order
	topics []string   // of these
	came   int
	refuse func(m *wire.Carried) error // nil takes all
	held   chan struct{}               // outcomes wait until it is closed, if it is there
}

// SubmitCarried stores what has a new id.
func (d *logDoor) SubmitCarried(_ context.Context, _ fedmsg.Sender, messages ...wire.Carried) fedmsg.Ticket {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := &logTicket{held: d.held}
	for i := range messages {
		m := &messages[i]
		d.came++
		o := fedmsg.Outcome{Receipt: fedmsg.Receipt{ID: m.ID, Duplicate: slices.Contains(d.ids, m.ID)}}
		if d.refuse != nil {
			o.Err = d.refuse(m)
		}
		if o.Err == nil && !o.Receipt.Duplicate {
			d.ids, d.topics = append(d.ids, m.ID), append(d.topics, m.Topic)
		}
		t.out = append(t.out, o)
	}
	return t
}

type logTicket struct {
	out  []fedmsg.Outcome
	held chan struct{}
}

func (t *logTicket) Wait(ctx context.Context) ([]fedmsg.Outcome, error) {
	if t.held == nil {
		return t.out, nil
	}
	select {
	case <-t.held:
		return t.out, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (d *logDoor) log() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.ids)
}

func (d *logDoor) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

// box is a Maildir with a source that takes from it, within synctest.
type box struct {
	t    *testing.T
	path string
	door *logDoor
	dir  string // of the set
	set  *receive.Set
	read Reader          // reads the mails
	said strings.Builder // the operator's log; to be read while the source waits
}

// inBox runs a test with a source at work in a bubble.
func inBox(t *testing.T, options string, before, test func(b *box)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &box{t: t, path: filepath.Join(t.TempDir(), "mails"), door: &logDoor{}, dir: t.TempDir(), read: *reader()}
		b.make()
		if before != nil {
			before(b)
		}
		b.start(options)
		test(b)
		b.stop()
	})
}

// make makes an empty Maildir.
func (b *box) make() {
	b.t.Helper()
	for _, in := range []string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(b.path, in), 0o700); err != nil {
			b.t.Fatal(err)
		}
	}
}

// start starts the source as a node that was started again does.
func (b *box) start(options string) {
	b.t.Helper()
	c := receive.Config{Name: "mails", From: "maildir://" + b.path + options, Topics: []fedmsg.Pattern{fedmsg.MatchAll()}}
	s, err := NewMaildir(c, b.read, nil)
	if err == nil {
		b.set, err = receive.New([]receive.Configured{{Config: c, Source: s, InFlight: MaildirInFlight}},
			receive.Deps{Door: func(*receive.Config) receive.Door { return b.door }, Dir: b.dir, Logger: slog.New(slog.NewTextHandler(&b.said, nil))})
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.set.Start()
	synctest.Wait()
}

func (b *box) stop() {
	b.t.Helper()
	if err := b.set.Stop(context.Background()); err != nil {
		b.t.Error(err)
	}
}

func (b *box) status() receive.Status { return b.set.List()[0] }

// deliver puts a mail where a mail server does.
func (b *box) deliver(name, mail string) {
	b.t.Helper()
	temporary := filepath.Join(b.path, "tmp", filepath.Base(name))
	if err := errors.Join(os.WriteFile(temporary, []byte(mail), 0o600), os.Rename(temporary, filepath.Join(b.path, name))); err != nil {
		b.t.Fatal(err)
	}
}

// occupy has all names be taken that a mail might get in cur/, so that it cannot be moved, not even by root.
func (b *box) occupy(name string) {
	b.t.Helper()
	sum := sha256.Sum256([]byte(name))
	for n := range 100 {
		other := fmt.Sprintf("fedmsg-%x-%d:2,S", sum[:16], n)
		if n == 0 {
			other = name + ":2,S"
		}
		b.deliver("cur/"+other, "")
	}
}

// hold holds which mails there are.
func (b *box) hold(what string, want ...string) {
	b.t.Helper()
	var got []string
	for _, in := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(b.path, in))
		if err != nil {
			b.t.Fatal(err)
		}
		for _, e := range entries {
			got = append(got, in+"/"+e.Name())
		}
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("%s: there are %s, want %s", what, strings.Join(got, " "), strings.Join(want, " "))
	}
}

// holdLog holds how many messages are in the log, and how many came to the door.
func (b *box) holdLog(what string, stored, came int) {
	b.t.Helper()
	b.door.mu.Lock()
	defer b.door.mu.Unlock()
	if len(b.door.ids) != stored || b.door.came != came {
		b.t.Errorf("%s: %d messages in the log and %d at the door, want %d and %d (%s)", what, len(b.door.ids), b.door.came, stored, came, b.status().LastError)
	}
}
