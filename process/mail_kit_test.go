package process

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/mailin"
)

const mailRecipient = "debmails@bus.example.org"

// mailListener is the configuration of a node that takes mails on a unix socket.
func mailListener(socket, options string) string {
	return fmt.Sprintf("topic_prefix = \"org.debian\"\n\n[[source]]\nname = \"mails\"\nfrom = \"lmtp+unix://%s?recipients=%s%s\"\ntopics = [\"org.debian.dev.debmessenger.#\"]\nsign = true\n",
		socket, mailRecipient, options)
}

// mailReader reads as such a node does.
func mailReader() *mailin.Reader {
	return &mailin.Reader{TopicPrefix: "org.debian", Environment: "dev"}
}

// mailSocket is a path short enough for a socket.
func mailSocket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lmtp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// debianMails gives the 158 mails of the corpus.
func debianMails(t *testing.T) (files []string, mails [][]byte) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(fedmsgtest.Shared(t, "corpus", "debian-mails"), "*", "*"))
	if err != nil || len(found) != 158 {
		t.Fatalf("%d mails, %v", len(found), err)
	}
	for _, file := range found {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		mails = append(mails, raw)
	}
	return found, mails
}

// wantMails holds that each message of the mails is stored once, and no other.
func wantMails(t *testing.T, n *fedmsgtest.Node, mails [][]byte) {
	t.Helper()
	want := make(map[string]bool)
	for _, raw := range mails {
		for _, m := range mailReader().Read(t.Context(), raw).Messages {
			want[m.ID] = true
		}
	}
	wanted := len(want)
	for _, e := range n.ReadAll(t) {
		if !strings.HasPrefix(e.Topic, "org.debian.dev.debmessenger.") {
			continue
		}
		if !want[e.ID] {
			t.Errorf("%s on %s is stored twice, or of no mail", e.ID, e.Topic)
		}
		delete(want, e.ID)
	}
	if len(want) > 0 {
		t.Errorf("%d of %d messages are not stored", len(want), wanted)
	}
}

// mailServer is a mail server that gives its mails to a node over one connection, and makes another when a mail was not taken. It
// belongs to one goroutine.
type mailServer struct {
	socket string
	nc     net.Conn // nil where there is none
	in     *bufio.Reader
}

// connect makes a connection, if there is none, on which the next mail is answered for in time or not at all.
func (s *mailServer) connect() error {
	if s.nc != nil {
		return s.nc.SetDeadline(time.Now().Add(patience))
	}
	nc, err := net.DialTimeout("unix", s.socket, patience)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(patience); err != nil && time.Now().Before(end); nc, err = net.DialTimeout("unix", s.socket, patience) {
		<-again.C // a node that has just started, or starts again, may not listen yet
	}
	if err != nil {
		return err
	}
	s.nc, s.in = nc, bufio.NewReader(nc)
	if err = nc.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err = s.answer(); err == nil {
		_, err = s.say("LHLO mx.example.org")
	}
	return err
}

// close ends the connection, if there is one.
func (s *mailServer) close() {
	if s.nc != nil {
		s.nc.Close()
		s.nc = nil
	}
}

// answer reads an answer, which is an error unless it is yes.
func (s *mailServer) answer() (string, error) {
	for {
		line, err := s.in.ReadString('\n')
		switch {
		case err != nil:
			return "", err
		case len(line) > 3 && line[3] == '-':
			continue
		case line[0] != '2' && line[0] != '3':
			return line, fedmsg.Errorf(fedmsg.CodeUnavailable, "the answer is %q", line)
		}
		return line, nil
	}
}

func (s *mailServer) say(command string) (string, error) {
	if _, err := io.WriteString(s.nc, command+"\r\n"); err != nil {
		return "", err
	}
	return s.answer()
}

// send sends a mail, and tells when all of it was sent; nil says that the node has it.
func (s *mailServer) send(raw []byte, sent func()) error {
	err := s.connect()
	if err == nil {
		err = s.give(raw, sent)
	}
	if err != nil {
		s.close()
	}
	return err
}

// insist sends a mail again and again until the node has it, and tells how often it was not taken.
func (s *mailServer) insist(ctx context.Context, raw []byte, sent func()) (refused int, err error) {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		if err = s.send(raw, sent); err == nil {
			return refused, nil
		}
		refused++
		select {
		case <-again.C:
		case <-ctx.Done():
			return refused, fmt.Errorf("a mail is not taken: %w", err)
		}
	}
}

// give sends a mail over the connection.
func (s *mailServer) give(raw []byte, sent func()) error {
	for _, command := range []string{"RSET", "MAIL FROM:<>", "RCPT TO:<" + mailRecipient + ">", "DATA"} {
		if _, err := s.say(command); err != nil {
			return err
		}
	}
	data := bytes.ReplaceAll(bytes.TrimSuffix(raw, []byte("\n")), []byte("\n"), []byte("\r\n"))
	data = bytes.ReplaceAll(append([]byte("\r\n"), data...), []byte("\r\n."), []byte("\r\n.."))[2:]
	if _, err := s.nc.Write(append(data, "\r\n.\r\n"...)); err != nil {
		return err
	}
	sent()
	_, err := s.answer()
	return err
}
