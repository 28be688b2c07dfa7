package process

import (
	"fmt"
	"net"
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
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	smtp := ln.Addr().String()
	ln.Close()
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
	again := 0
	for round := range fedmsgtest.Count(10, 50) {
		queue := make(chan []byte, len(corpus))
		for _, raw := range corpus {
			mail := append(fmt.Appendf(nil, "X-Round: %d\n", round), raw...)
			all = append(all, mail)
			queue <- mail
		}
		close(queue)
		var sent, repeated atomic.Int64
		point, reached := int64(1+rnd.IntN(len(corpus))), make(chan struct{})
		var servers sync.WaitGroup
		for range 4 {
			servers.Go(func() {
				var s *mailServer
				for mail := range queue {
					for t.Context().Err() == nil {
						var err error
						if s == nil {
							if s, err = dialMail(socket); err != nil {
								continue
							}
						}
						err = s.send(mail, func() {
							if sent.Add(1) == point {
								close(reached)
							}
						})
						if err == nil {
							break
						}
						s.nc.Close()
						s = nil
						repeated.Add(1)
					}
				}
				if s != nil {
					s.nc.Close()
				}
			})
		}
		<-reached
		n.Kill9()
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		servers.Wait()
		again += int(repeated.Load())
	}
	wantMails(t, n, all)
	t.Logf("%d mails, %d of them sent again", len(all), again)
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
	s, err := dialMail(socket)
	if err != nil {
		t.Fatal(err)
	}
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
	for s.send(mails[len(mails)-1], func() {}) != nil {
		continue // it is asked again in a while
	}
	wantMails(t, n, mails)
	n.Restart(t)
	wantMails(t, n, mails)
}
