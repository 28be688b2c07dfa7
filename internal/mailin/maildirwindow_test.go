package mailin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/debian"
	"github.com/federated-messaging/fedmsg/internal/maildir"
	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// slow is a Checker for mails of domains that do not answer.
type slow struct {
	mu       sync.Mutex
	now, max int // mails that are waited for, and were at once
}

func (s *slow) Open() error { return nil }

func (s *slow) Check(ctx context.Context, _ []byte, _ *mailmsg.Mail, _ []debian.Event) {
	s.mu.Lock()
	s.now++
	s.max = max(s.max, s.now)
	s.mu.Unlock()
	select {
	case <-time.After(5 * time.Second):
	case <-ctx.Done():
	}
	s.mu.Lock()
	s.now--
	s.mu.Unlock()
}

// TestMaildirSlowKeys holds that mails whose domains do not tell their keys are waited for together, and are handed on in order.
func TestMaildirSlowKeys(t *testing.T) {
	keys := &slow{}
	before := func(b *box) {
		b.read.Checker = keys
		for n := range 48 {
			b.deliver(fmt.Sprintf("new/%02d", n), numbered(n))
		}
	}
	inBox(t, "", before, func(b *box) {
		b.pass(15 * time.Second)
		var want []string
		for n := range 48 {
			id, _, _ := one(b.t, []byte(numbered(n)))
			want = append(want, id)
		}
		if got := b.door.log(); !slices.Equal(got, want) || keys.max != 16 {
			b.t.Errorf("%d mails of %d came, or in another order; %d were waited for at once, want %d", len(got), len(want), keys.max, 16)
		}
	})
}

// TestMaildirLargeMails holds that what is read at once has a bound in bytes too.
func TestMaildirLargeMails(t *testing.T) {
	keys := &slow{}
	before := func(b *box) {
		b.read.Checker = keys
		for n := range 3 {
			b.deliver(fmt.Sprintf("new/%d", n), numbered(n)+strings.Repeat(strings.Repeat("a", 1023)+"\n", maxWindowBytes/2/1024))
		}
	}
	inBox(t, "", before, func(b *box) {
		b.pass(10 * time.Second)
		b.holdLog("all mails", 3, 3)
		if keys.max != 2 {
			b.t.Errorf("%d mails were read at once, want 2", keys.max)
		}
	})
}

// stopping is a Checker during whose work the source is told to end.
type stopping struct{ stop context.CancelFunc }

func (s stopping) Open() error { return nil }

func (s stopping) Check(context.Context, []byte, *mailmsg.Mail, []debian.Event) { s.stop() }

// TestMaildirStop holds that the end of the source is not waited for until all mails are gone through, also when they say nothing.
func TestMaildirStop(t *testing.T) {
	inBox(t, "", nil, func(b *box) {
		b.stop()
		var want []string
		for n := range 2 * maxWindow {
			name, mail := fmt.Sprintf("new/%02d", n), lunch
			if n == 1 {
				mail = bug
			}
			b.deliver(name, mail)
			want = append(want, name)
		}
		d, err := maildir.Open(b.path)
		if err != nil {
			b.t.Fatal(err)
		}
		defer d.Close()
		ctx, cancel := context.WithCancel(b.t.Context())
		b.read.Checker = stopping{cancel}
		w := &watch{mailbox: &mailbox{path: b.path, reader: b.read}, dir: d}
		w.reader.Limits.Bytes = 1024
		if err := w.pass(ctx, true); !errors.Is(err, context.Canceled) {
			b.t.Errorf("the end is told as %v", err)
		}
		b.hold("at the end", want...)
	})
}
