package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

// TestMailCorpus has Python's smtplib send the 158 mails of the corpus by LMTP, and again by SMTP: each is its one message.
func TestMailCorpus(t *testing.T) {
	t.Parallel()
	python := fedmsgtest.Tool(t, "/usr/bin/python3")
	socket := mailSocket(t)
	smtp := "127.0.0.1:" + fedmsgtest.FreePort()
	second := fmt.Sprintf("\n[[source]]\nname = \"more\"\nfrom = \"smtp://%s?recipients=@bus.example.org\"\ntopics = [\"org.debian.#\"]\nsign = true\n", smtp)
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: mailListener(socket, "") + second})
	files, mails := debianMails(t)
	for _, address := range []string{socket, smtp} {
		out, err := exec.Command(python, append([]string{"testdata/sendmails.py", address, mailRecipient}, files...)...).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != "158 mails taken" {
			t.Errorf("%s: %v: %s", address, err, got)
		}
	}
	wantMails(t, n, mails)
	holdNoDead(t, n, "sources", "mails")
}

// TestMailKilled kills the node again and again when a mail has been sent whole and is not answered for. A mail server that sends again
// what it got no answer for has each mail published, and none twice.
func TestMailKilled(t *testing.T) {
	t.Parallel()
	rnd := random(t)
	socket := mailSocket(t)
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{Config: mailListener(socket, "")})
	_, corpus := debianMails(t)
	var all [][]byte
	var again atomic.Int64
	for round := range fedmsgtest.Count(4, 50) {
		queue := make(chan []byte, len(corpus))
		for _, raw := range corpus {
			mail := append(fmt.Appendf(nil, "X-Round: %d\n", round), raw...)
			all = append(all, mail)
			queue <- mail
		}
		close(queue)
		ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
		defer cancel()
		var sent atomic.Int64
		point, reached := int64(1+rnd.IntN(len(corpus))), make(chan struct{})
		var servers sync.WaitGroup
		for range 4 {
			servers.Go(func() {
				s := &mailServer{socket: socket}
				defer s.close()
				for mail := range queue {
					refused, err := s.insist(ctx, mail, func() {
						if sent.Add(1) == point {
							close(reached)
						}
					})
					if again.Add(int64(refused)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		select {
		case <-reached:
		case <-ctx.Done():
		}
		n.Kill9()
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		servers.Wait()
	}
	wantMails(t, n, all)
	t.Logf("%d mails, %d attempts that were not answered", len(all), again.Load())
	holdNoDead(t, n, "sources", "mails")
}

// TestMailDiskFull fills the disk under the node: mails are refused for now, none that was answered with yes is lost, and the mail server
// gets rid of all when there is space again.
func TestMailDiskFull(t *testing.T) {
	t.Parallel()
	dir := mount(t, "-t", "tmpfs", "-o", "size=24m", "tmpfs")
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 14<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	socket := mailSocket(t)
	n := fedmsgtest.StartNode(t, fedmsgtest.NodeOptions{State: filepath.Join(dir, "state"), Config: mailListener(socket, "&answer_time=1s")})
	s := &mailServer{socket: socket}
	defer s.close()
	var mails [][]byte
	for refused := false; !refused; {
		if len(mails) == 1000 {
			t.Fatal("60 MB were accepted on a disk of 24 MB")
		}
		mails = append(mails, fmt.Appendf(nil, "From: Amara Nwosu <amara@example.org>\nSubject: Bug#7: tea\nMessage-ID: <%d@example.org>\nX-Debian-PR-Message: followup 7\n\n%s\n",
			len(mails), strings.Repeat("It is cold. ", 5000)))
		err := s.send(mails[len(mails)-1], func() {})
		if refused = err != nil; refused && !strings.Contains(err.Error(), `"451 4.3.1`) {
			t.Fatalf("a full disk: %v", err)
		}
	}
	t.Logf("%d mails fitted", len(mails)-1)
	wantMails(t, n, mails[:len(mails)-1])
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := s.insist(ctx, mails[len(mails)-1], func() {}); err != nil {
		t.Fatal(err)
	}
	wantMails(t, n, mails)
	n.Restart(t)
	wantMails(t, n, mails)
}
