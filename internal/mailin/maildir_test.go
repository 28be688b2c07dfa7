package mailin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// numbered is a mail that is one message, other than those with other numbers.
func numbered(n int) string {
	return strings.Replace(bug, "<a@example.org>", fmt.Sprintf("<%d@example.org>", n), 1)
}

const lunch = "From: a@example.org\nSubject: lunch\n\nToday?\n"

// TestMaildir holds that mails are taken that were there and that come, in the order of their names, and moved when they are done with.
func TestMaildir(t *testing.T) {
	before := func(b *box) {
		for name, mail := range map[string]string{
			"cur/0.seen:2,S": numbered(0), "cur/9.kept:2,F": numbered(1), "new/3.b": numbered(3), "new/2.a": numbered(2), "new/4.c": lunch,
		} {
			b.deliver(name, mail)
		}
	}
	inBox(t, "", before, func(b *box) {
		b.hold("at the start", "cur/0.seen:2,S", "cur/2.a:2,S", "cur/3.b:2,S", "cur/4.c:2,S", "cur/9.kept:2,FS")
		b.deliver("new/5.d", numbered(5))
		b.deliver("new/6.e", numbered(2)) // again
		b.pass(time.Second)
		b.hold("a second later", "cur/0.seen:2,S", "cur/2.a:2,S", "cur/3.b:2,S", "cur/4.c:2,S", "cur/5.d:2,S", "cur/6.e:2,S", "cur/9.kept:2,FS")
		var want []string
		for _, n := range []int{1, 2, 3, 5} {
			id, _, _ := one(b.t, []byte(numbered(n)))
			want = append(want, id)
		}
		if got := b.door.log(); !slices.Equal(got, want) {
			b.t.Errorf("the log has %q, want %q", got, want)
		}
		if st := b.status(); !st.Connected || st.Received != 5 || st.Duplicates != 1 || st.Dead != 0 || st.PassedOver != 1 {
			b.t.Errorf("status %+v", st)
		}
		b.deliver("cur/7.f", numbered(7))
		b.pass(11 * time.Minute)
		b.holdLog("moved by another program", 5, 6)
	})
}

// TestMaildirRemove holds that mails which became messages are removed where that is asked for, and no others.
func TestMaildirRemove(t *testing.T) {
	before := func(b *box) {
		b.deliver("new/1.a", numbered(1))
		b.deliver("new/2.b", lunch)
		b.deliver("new/3.large", numbered(3)+strings.Repeat("x", 1024))
		b.deliver("new/4.larger", numbered(4)+strings.Repeat("x", 2000))
		b.deliver("new/6.loop", LoopField+": 1\n"+numbered(6))
		b.deliver("cur/7.c", numbered(7))
	}
	inBox(t, "?done=remove&size=1024&service=mails", before, func(b *box) {
		b.hold("at the start", "cur/2.b:2,S", "cur/3.large:2,S", "cur/4.larger:2,S", "cur/6.loop:2,S")
		b.holdLog("at the start", 2, 2)
		if topic := b.door.topics[0]; topic != "org.debian.dev.mails.bug.followup" {
			b.t.Errorf("topic %s", topic)
		}
		if st := b.status(); st.Dead != 0 || st.PassedOver != 4 || st.Received != 2 || !st.Connected {
			b.t.Errorf("%+v", st)
		}
		if told := b.said.String(); !strings.Contains(told, "marked as seen: new/3.large: ") {
			b.t.Errorf("the log says %q", told)
		}
	})
}

// TestMaildirUnreadable holds that a mail which passes the reader's limits stays in the Maildir, and is no dead letter.
func TestMaildirUnreadable(t *testing.T) {
	mail := strings.Repeat("a: b\n", 10_001) + bug
	inBox(t, "?done=remove", func(b *box) { b.deliver("new/1.a", mail) }, func(b *box) {
		b.hold("at the start", "cur/1.a:2,S")
		if st := b.set.List()[0]; st.Dead != 0 {
			b.t.Errorf("%+v", st)
		}
	})
}

// TestMaildirHeld holds that no mail is moved before what it became is stored, that it is not taken twice meanwhile, and that it is taken
// again when the node ended before.
func TestMaildirHeld(t *testing.T) {
	before := func(b *box) {
		b.door.held = make(chan struct{})
		b.deliver("new/1.a", numbered(1))
		b.deliver("new/2.b", numbered(2))
	}
	inBox(t, "?done=remove", before, func(b *box) {
		b.pass(time.Hour)
		b.hold("while the door is held", "new/1.a", "new/2.b")
		b.holdLog("while the door is held", 2, 2)
		b.stop()
		b.hold("after the end", "new/1.a", "new/2.b")
		b.door.set(func() { b.door.held = nil })
		b.start("?done=remove")
		b.hold("after another start")
		b.holdLog("after another start", 2, 4)
	})
}

// TestMaildirFull holds that mails wait where they are while the node cannot store, and are taken when it can; and that one which it never
// will take is done with.
func TestMaildirFull(t *testing.T) {
	refuse := func(code fedmsg.Code) func(*wire.Carried) error {
		return func(*wire.Carried) error { return fedmsg.Errorf(code, "refused") }
	}
	before := func(b *box) {
		b.door.refuse = refuse(fedmsg.CodeStorageFull)
		b.deliver("new/1.a", numbered(1))
	}
	inBox(t, "", before, func(b *box) {
		b.pass(time.Minute)
		b.hold("while the disk is full", "new/1.a")
		if st := b.status(); !st.HeldBack || st.Dead != 0 {
			b.t.Errorf("status %+v", st)
		}
		b.door.set(func() { b.door.refuse = nil })
		b.pass(time.Minute)
		b.hold("when it has room", "cur/1.a:2,S")
		b.door.set(func() { b.door.refuse = refuse(fedmsg.CodeForbidden) })
		b.deliver("new/2.b", numbered(2))
		b.pass(time.Second)
		b.hold("when it is not allowed", "cur/1.a:2,S", "cur/2.b:2,S")
		if st := b.status(); st.Dead != 1 {
			b.t.Errorf("status %+v", st)
		}
	})
}

// TestMaildirGone holds that a Maildir which is gone is told of, that one which took its place is noticed, and that links and directories
// in it stand in nobody's way.
func TestMaildirGone(t *testing.T) {
	inBox(t, "?done=remove", nil, func(b *box) {
		must := func(errs ...error) {
			b.t.Helper()
			if err := errors.Join(errs...); err != nil {
				b.t.Fatal(err)
			}
		}
		must(os.Rename(b.path, b.path+".old"))
		b.pass(time.Minute)
		if st := b.status(); st.Connected || !strings.Contains(st.LastError, "no such file") {
			b.t.Errorf("gone: status %+v", st)
		}
		b.make()
		b.deliver("new/1.a", numbered(1))
		b.pass(time.Minute)
		b.holdLog("there again", 1, 1)
		must(os.Rename(b.path, b.path+".older"))
		b.make()
		b.deliver("new/2.b", numbered(2))
		b.pass(time.Minute)
		b.holdLog("replaced", 2, 2)
		must(os.Symlink("/etc/passwd", filepath.Join(b.path, "new/0.link")), os.Mkdir(filepath.Join(b.path, "new/0.directory"), 0o700))
		b.deliver("new/3.c", numbered(3))
		b.pass(time.Minute)
		b.holdLog("beside a link", 3, 3)
		b.hold("beside a link", "new/0.directory", "new/0.link")
		if st := b.status(); !st.Connected {
			b.t.Errorf("status %+v", st)
		}
	})
}

// TestMaildirNotMoved holds that a mail which cannot be moved is told of, is not published again and again, and that those behind it are taken
// when it could be moved.
func TestMaildirNotMoved(t *testing.T) {
	inBox(t, "?every=10ms", nil, func(b *box) {
		b.occupy("1.a")
		b.deliver("new/1.a", numbered(1))
		b.pass(time.Minute)
		b.deliver("new/2.b", numbered(2))
		b.pass(time.Hour)
		if st := b.status(); st.Connected || !strings.Contains(st.LastError, "as seen") {
			b.t.Errorf("status %+v", st)
		}
		b.holdLog("the mail", 1, 1)
		if err := os.Remove(filepath.Join(b.path, "cur/1.a:2,S")); err != nil {
			b.t.Fatal(err)
		}
		b.pass(time.Minute)
		b.holdLog("moved", 2, 2)
		if st := b.status(); !st.Connected {
			b.t.Errorf("status %+v", st)
		}
	})
}

// TestNewMaildir holds which addresses are taken.
func TestNewMaildir(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"maildir:///var/mail/x":                               "",
		"maildir:///x?service=a&size=1024&every=1m&done=seen": "",
		"maildir://var/mail/x":                                "absolute path",
		"maildir://":                                          "absolute path",
		"maildir:x":                                           "absolute path",
		"maildir:///x?done=delete":                            "seen, remove",
		"maildir:///x?size=20MB":                              "whole number",
		"maildir:///x?every=0s":                               "10ms to 1h",
		"maildir:///x?recipients=a@example.org":               "not known",
		"maildir:///x?service=a.b":                            "one word",
	} {
		_, err := NewMaildir(receive.Config{From: address}, *reader(), nil)
		if want == "" && err != nil || want != "" && (fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
	if _, err := NewMaildir(receive.Config{From: "maildir:///x", CA: "/ca"}, *reader(), nil); err == nil {
		t.Error("a directory with an authority is taken")
	}
}

// pass lets time pass.
func (b *box) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
