package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	mailSessions  = 8    // of the mail server that hands the mails on
	mailSize      = 8000 // bytes, as Debian's mails have on average
	mailRecipient = "debmails@bus.example.org"
)

// benchMail is the mail of that number to a bug, with lines that end as in SMTP.
func benchMail(number uint64) []byte {
	head := fmt.Sprintf("Received: from mx.example.org by bus.example.org with LMTP; Mon, 2 Nov 2026 10:00:00 +0000\n"+
		"From: Amara Nwosu <amara@example.org>\nTo: 7@bugs.example.org\nSubject: Bug#7: tea: too cold\nMessage-ID: <%d@example.org>\n"+
		"Date: Mon, 2 Nov 2026 10:00:00 +0000\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nX-Debian-PR-Message: followup 7\n"+
		"X-Debian-PR-Package: tea\nX-Debian-PR-Source: tea\n\n", number)
	line := strings.Repeat("it is cold ", 6) + "\n"
	mail := head + strings.Repeat(line, (mailSize-len(head))/len(line))
	return []byte(strings.ReplaceAll(mail, "\n", "\r\n"))
}

// mailSession is a connection of a mail server, which pipelines what it may.
type mailSession struct {
	net.Conn
	in *bufio.Reader
}

func dialLMTP(socket string) (*mailSession, error) {
	nc, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	s := &mailSession{nc, bufio.NewReader(nc)}
	return s, errors.Join(s.expect("220"), s.say("LHLO mx.example.org\r\n", "250"))
}

// say writes lines and reads their answers.
func (s *mailSession) say(lines string, codes ...string) error {
	if _, err := io.WriteString(s, lines); err != nil {
		return err
	}
	for _, code := range codes {
		if err := s.expect(code); err != nil {
			return err
		}
	}
	return nil
}

// expect reads an answer.
func (s *mailSession) expect(code string) error {
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return err
		}
		if !strings.HasPrefix(line, code) {
			return fmt.Errorf("the answer is %q, not %s", line, code)
		}
		if line[3] == ' ' {
			return nil
		}
	}
}

// send hands on a mail, and returns when it was taken.
func (s *mailSession) send(mail []byte) error {
	if err := s.say("MAIL FROM:<amara@example.org>\r\nRCPT TO:<"+mailRecipient+">\r\nDATA\r\n", "250", "250", "354"); err != nil {
		return err
	}
	return s.say(string(mail)+".\r\n", "250")
}

// mailRate has several sessions hand on mails, which it counts, and gives how many are taken in a second.
func (b *bench) mailRate(ctx context.Context, s *server, socket string, count *atomic.Uint64) (sample, error) {
	return b.timed(ctx, s, mailSessions, func(int) (func() error, func(), error) {
		c, err := dialLMTP(socket)
		if err != nil {
			return nil, nil, err
		}
		return func() error { return c.send(benchMail(count.Add(1))) }, func() { c.Close() }, nil
	})
}

// mailIntake has a node take the mails, each of which is a message in its log then.
func mailIntake(ctx context.Context, b *bench) (sample, error) {
	socket := filepath.Join(b.dir, "lmtp")
	state := filepath.Join(b.dir, fmt.Sprintf("mail-%d", time.Now().UnixNano()))
	n, err := b.startBridged(ctx, "mail", state,
		fmt.Sprintf("[[source]]\nname = \"mails\"\nfrom = \"lmtp+unix://%s?recipients=%s\"\ntopics = [\"#\"]\n", socket, mailRecipient))
	if err != nil {
		return sample{}, err
	}
	_, before, err := n.logEnd()
	if err != nil {
		return sample{}, errors.Join(err, n.stop())
	}
	var count atomic.Uint64
	s, err := b.mailRate(ctx, n.server, socket, &count)
	_, after, logErr := n.logEnd()
	if err = errors.Join(err, logErr); err == nil && after-before != count.Load() {
		err = fmt.Errorf("of %d mails there are %d messages", count.Load(), after-before)
	}
	return s, errors.Join(err, n.stop())
}

// bareMail has a server of go-smtp take the mails, which writes each into a file of its own and syncs it, as mail servers do. It lives in
// this process.
func bareMail(ctx context.Context, b *bench) (_ sample, err error) {
	dir, err := os.MkdirTemp(b.dir, "mails-")
	if err != nil {
		return sample{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	socket := filepath.Join(b.dir, "bare-lmtp")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		return sample{}, err
	}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &fileSession{dir: dir}, nil }))
	s.LMTP, s.Domain, s.MaxMessageBytes = true, "bus.example.org", 20<<20
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ln) }()
	made, err := b.mailRate(ctx, &server{pid: os.Getpid()}, socket, new(atomic.Uint64))
	closeErr := s.Close()
	<-ended // which is the end that Close made
	return made, errors.Join(err, closeErr)
}

// fileSession keeps each mail in a file.
type fileSession struct{ dir string }

func (*fileSession) Reset()                               {}
func (*fileSession) Logout() error                        { return nil }
func (*fileSession) Mail(string, *smtp.MailOptions) error { return nil }
func (*fileSession) Rcpt(string, *smtp.RcptOptions) error { return nil }

// Data writes a mail into a file of its own.
func (s *fileSession) Data(r io.Reader) error {
	mail, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(s.dir, "tmp-")
	if err != nil {
		return err
	}
	_, err = io.Copy(f, bytes.NewReader(mail))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), strings.Replace(f.Name(), "tmp-", "mail-", 1))
}

// mailStage is mails handed to a node beside mails kept in files.
func mailStage() stage {
	return stage{
		title: fmt.Sprintf("mail intake: LMTP, %d sessions, mails to bugs of %d bytes, each answered for when it is on disk", mailSessions, mailSize),
		contenders: []contender{
			{name: "mail-intake", title: "a node, one message in the log of each", run: mailIntake},
			{name: "mail-files", title: "a server of go-smtp that writes each into a file and syncs it", peer: true, run: bareMail},
		},
		rows: []row{{
			[]string{"mail-intake", "mail-files"}, "mail intake, LMTP, durable", "≥ 500/s",
			func(m func(string) sample) (string, bool) {
				o, f := m("mail-intake"), m("mail-files")
				return fmt.Sprintf("%s/s, %.1f × files of go-smtp; %.0f µs node CPU", thousands(o.rate), o.rate/f.rate, micros(o.cpu)), o.rate >= 500
			},
		}},
	}
}
