package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// maildirBox is a Maildir that a test delivers into as mail servers do.
type maildirBox struct {
	t    *testing.T
	path string
	came int // mails delivered
}

func newMaildirBox(t *testing.T) *maildirBox {
	t.Helper()
	b := &maildirBox{t: t, path: filepath.Join(t.TempDir(), "debmails")}
	for _, in := range []string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(b.path, in), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b *maildirBox) config(options string) string {
	return fmt.Sprintf("topic_prefix = \"org.debian\"\n\n[[source]]\nname = \"box\"\nfrom = \"maildir://%s?every=10ms%s\"\ntopics = [\"org.debian.#\"]\nsign = true\nin_flight = 16\n",
		b.path, options)
}

func (b *maildirBox) deliver(mail []byte) {
	b.t.Helper()
	b.came++
	name := fmt.Sprintf("%010d.M1P%d.example", 1700000000+b.came/10, b.came)
	temporary := filepath.Join(b.path, "tmp", name)
	if err := os.WriteFile(temporary, mail, 0o600); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Rename(temporary, filepath.Join(b.path, "new", name)); err != nil {
		b.t.Fatal(err)
	}
}

// waiting is how many mails are not done with.
func (b *maildirBox) waiting() int {
	b.t.Helper()
	left, err := os.ReadDir(filepath.Join(b.path, "new"))
	if err != nil {
		b.t.Fatal(err)
	}
	return len(left)
}

// TestMaildirKilled kills the node again and again while it takes mails out of a Maildir, at a point by chance: each is published once, in the
// end none is left, and each is still there, marked as seen.
func TestMaildirKilled(t *testing.T) {
	t.Parallel()
	rnd := random(t)
	b := newMaildirBox(t)
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: b.config("")})
	_, corpus := debianMails(t)
	var all [][]byte
	for round := range fedmsgtest.Count(4, 50) {
		for _, raw := range corpus {
			mail := append(fmt.Appendf(nil, "X-Round: %d\n", round), raw...)
			all = append(all, mail)
			b.deliver(mail)
		}
		point := rnd.IntN(len(corpus))
		await(t, "the node to take mails", func() bool { return b.waiting() <= point })
		n.Kill9()
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the node to take the rest", func() bool { return b.waiting() == 0 })
	wantMails(t, n, all)
	holdNoDead(t, n, "sources", "box")
	kept, err := os.ReadDir(filepath.Join(b.path, "cur"))
	if err != nil || len(kept) != len(all) {
		t.Errorf("%d mails are kept, want %d (%v)", len(kept), len(all), err)
	}
	for _, e := range kept {
		if !strings.HasSuffix(e.Name(), ":2,S") {
			t.Errorf("%s is not marked as seen", e.Name())
		}
	}
}

// TestMailDoors holds that mails which come by all doors at once, LMTP, a Maildir and a pipe, are each one message.
func TestMailDoors(t *testing.T) {
	t.Parallel()
	b := newMaildirBox(t)
	socket := mailSocket(t)
	_, second, _ := strings.Cut(b.config("&done=remove"), "\n\n")
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: mailListener(socket, "") + "\n" + second})
	_, mails := debianMails(t)
	s := &mailServer{socket: socket}
	defer s.close()
	box := filepath.Join(t.TempDir(), "mbox")
	f, err := os.Create(box)
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range mails {
		b.deliver(raw)
		if err := s.send(raw, func() {}); err != nil {
			t.Error(err)
		}
		quoted := strings.ReplaceAll(strings.ReplaceAll(strings.TrimRight(string(raw), "\n"), "\n>From ", "\n>>From "), "\nFrom ", "\n>From ")
		fmt.Fprintf(f, "From amara@example.org Mon Nov  2 10:00:00 2026\nDelivered-To: debmails@example.org\n%s\n\n", quoted)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	r := n.CLI(t, nil, "source", "mail", "--mbox", "--topic-prefix", "org.debian", box)
	if r.Status != 0 || r.Stdout+r.Stderr != "" {
		t.Errorf("%+v", r)
	}
	await(t, "the Maildir to be empty", func() bool { return b.waiting() == 0 })
	wantMails(t, n, mails)
	for _, name := range []string{"mails", "box"} {
		holdNoDead(t, n, "sources", name)
	}
	silent := 0 // mails of which nothing is published are not removed
	for _, raw := range mails {
		if len(mailReader().Read(t.Context(), raw).Messages) == 0 {
			silent++
		}
	}
	if kept, err := os.ReadDir(filepath.Join(b.path, "cur")); err != nil || len(kept) != silent || silent == 0 {
		t.Errorf("%d mails are kept, want %d (%v)", len(kept), silent, err)
	}
}
