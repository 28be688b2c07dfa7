package mailin

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// listening is a listener at work, before a door.
type listening struct {
	t    *testing.T
	path string // of its socket
	door *logDoor
	set  *receive.Set
}

// listen has a source listen for LMTP on a unix socket, until the test ends.
func listen(t *testing.T, options string, door *logDoor) *listening {
	t.Helper()
	dir, err := os.MkdirTemp("", "lmtp") // short, as the path of a socket must be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l := &listening{t: t, path: filepath.Join(dir, "s"), door: door}
	c := receive.Config{
		Name: "mails", From: "lmtp+unix://" + l.path + "?recipients=@bus.example.org" + options, Topics: []fedmsg.Pattern{fedmsg.MatchAll()},
		RetryFirst: time.Millisecond, RetryMax: 10 * time.Millisecond, DeadLetters: 2,
	}
	s, err := NewListener(c, *reader(), slog.New(slog.DiscardHandler))
	if err == nil {
		l.set, err = receive.New([]receive.Configured{{Config: c, Source: s, InFlight: ListenerInFlight}},
			receive.Deps{Door: func(*receive.Config) receive.Door { return door }, Dir: dir})
	}
	if err != nil {
		t.Fatal(err)
	}
	l.set.Start()
	t.Cleanup(l.stop)
	return l
}

func (l *listening) stop() {
	if err := l.set.Stop(l.t.Context()); err != nil && l.t.Context().Err() == nil {
		l.t.Error(err)
	}
}

// session is a mail server's connection.
type session struct {
	t  *testing.T
	nc net.Conn
	in *bufio.Reader
}

// dial connects, as soon as the source listens, and says hello.
func (l *listening) dial() *session {
	l.t.Helper()
	for l.t.Context().Err() == nil {
		nc, err := net.Dial("unix", l.path)
		if err != nil {
			continue
		}
		l.t.Cleanup(func() { nc.Close() })
		_ = nc.SetDeadline(time.Now().Add(20 * time.Second)) // so that a test fails and does not hang
		s := &session{l.t, nc, bufio.NewReader(nc)}
		s.want("220")
		s.say("LHLO mx.example.org", "250")
		return s
	}
	l.t.Fatal("nobody listens")
	return nil
}

// reply reads the last line of a reply.
func (s *session) reply() string {
	s.t.Helper()
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			s.t.Fatal(err)
		}
		if len(line) < 4 || line[3] != '-' {
			return line
		}
	}
}

func (s *session) want(begin string) {
	s.t.Helper()
	if got := s.reply(); !strings.HasPrefix(got, begin) {
		s.t.Fatalf("the answer is %q, want %s", got, begin)
	}
}

func (s *session) say(command, begin string) {
	s.t.Helper()
	if _, err := io.WriteString(s.nc, command+"\r\n"); err != nil {
		s.t.Fatal(err)
	}
	s.want(begin)
}

// mail sends a mail and gives the answer.
func (s *session) mail(raw []byte) string {
	s.t.Helper()
	s.say("MAIL FROM:<>", "250")
	s.say("RCPT TO:<debmails@bus.example.org>", "250")
	s.say("DATA", "354")
	crlf := bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	crlf = bytes.ReplaceAll(append([]byte("\r\n"), crlf...), []byte("\r\n."), []byte("\r\n.."))[2:]
	if _, err := s.nc.Write(append(bytes.TrimSuffix(crlf, []byte("\r\n")), "\r\n.\r\n"...)); err != nil {
		s.t.Fatal(err)
	}
	return s.reply()
}

// hold holds the beginning of an answer.
func hold(t *testing.T, what, answer, begin string) {
	t.Helper()
	if !strings.HasPrefix(answer, begin) {
		t.Errorf("%s: the answer is %q, want %s", what, answer, begin)
	}
}

// TestCorpusByLMTP sends the 158 mails over eight connections, and all of them again: each is one message, the one that the reader makes.
func TestCorpusByLMTP(t *testing.T) {
	t.Parallel()
	door := &logDoor{}
	l := listen(t, "", door)
	var want []string
	queue := make(chan []byte, 400)
	for range 2 {
		for _, raw := range corpus(t) {
			if m := reader().Read(t.Context(), raw).Messages; len(m) == 1 {
				want = append(want, m[0].ID)
			}
			queue <- raw
		}
	}
	close(queue)
	var sessions sync.WaitGroup
	for range 8 {
		s := l.dial()
		sessions.Go(func() {
			for raw := range queue {
				hold(t, "a mail of the corpus", s.mail(raw), "250 2.0.0 ok")
			}
		})
	}
	sessions.Wait()
	slices.Sort(want)
	want = slices.Compact(want)
	got := door.log()
	slices.Sort(got)
	if !slices.Equal(got, want) || len(want) != 153 { // five say nothing that is published
		t.Errorf("%d messages are stored, want %d of 153", len(got), len(want))
	}
}

// TestStoredFirst holds that a mail is not answered with yes before it is on disk, and that it may come again.
func TestStoredFirst(t *testing.T) {
	t.Parallel()
	door := &logDoor{held: make(chan struct{})}
	l := listen(t, "&answer_time=20ms", door)
	s := l.dial()
	hold(t, "what is not on disk in time", s.mail([]byte(bug)), "451 4.3.1")
	close(door.held)
	hold(t, "the same mail again", s.mail([]byte(bug)), "250 2.0.0 ok, it is stored")
	if got := door.log(); len(got) != 1 {
		t.Errorf("%d messages", len(got))
	}
}

// TestNodeTakesNothing holds that a mail which cannot be stored is refused for now, others before they are sent, and all are taken when
// there is room again.
func TestNodeTakesNothing(t *testing.T) {
	t.Parallel()
	full := fedmsg.Errorf(fedmsg.CodeStorageFull, "the disk is full")
	door := &logDoor{refuse: func(*wire.Carried) error { return full }}
	l := listen(t, "&answer_time=50ms", door)
	s := l.dial()
	hold(t, "a full disk", s.mail([]byte(bug)), "451 4.3.1")
	s.say("MAIL FROM:<>", "250")
	s.say("RCPT TO:<debmails@bus.example.org>", "451 4.3.1")
	s.say("RSET", "250")
	door.set(func() { door.refuse = nil })
	for l.set.List()[0].HeldBack {
		continue
	}
	hold(t, "with room again", s.mail([]byte(bug)), "250 2.0.0 ok, it is stored")
	if got := door.log(); len(got) != 1 {
		t.Errorf("%d messages", len(got))
	}
}

// TestKeptForPeople holds that what no door takes lies with the dead letters, and is not sent again.
func TestKeptForPeople(t *testing.T) {
	t.Parallel()
	refused := fedmsg.Errorf(fedmsg.CodeForbidden, "not you")
	door := &logDoor{refuse: func(*wire.Carried) error { return refused }}
	l := listen(t, "", door)
	hold(t, "not permitted", l.dial().mail([]byte(bug)), "250")
	letters, err := l.set.DeadList("mails", 0, 10)
	if err != nil || len(letters) != 1 || letters[0].Code != fedmsg.CodeForbidden || letters[0].Topic == "" {
		t.Fatalf("%+v, %v", letters, err)
	}
}

// TestLimitsFillNothing holds that a mail which passes a limit, or would be too large a message, is refused to its sender and leaves nothing
// behind: else whoever can send mails could fill the dead letters, behind which no mail is taken.
func TestLimitsFillNothing(t *testing.T) {
	t.Parallel()
	door := &logDoor{}
	l := listen(t, "", door)
	s := l.dial()
	hold(t, "10,000 parts", s.mail([]byte("Content-Type: multipart/mixed; boundary=b\n"+bug+strings.Repeat("--b\n\na\n", 10_000)+"--b--\n")), "554 5.6.0 ")
	hold(t, "10,001 fields", s.mail([]byte(strings.Repeat("a: b\n", 10_001)+bug)), "554 5.6.0 ")
	hold(t, "parts in parts", s.mail([]byte(strings.Repeat("Content-Type: message/rfc822\n\n", 30)+bug)), "554 5.6.0 ")
	patch := "--b\nContent-Type: text/x-patch; name=a.patch\n\n" + strings.Repeat("\x01", 60_000) + "\n" // six bytes each in JSON
	controls := "Content-Type: multipart/mixed; boundary=b\n" + bug + strings.Repeat(patch, 3) + "--b--\n"
	hold(t, "patches of control characters", s.mail([]byte(controls)), "554 5.6.0 the mail would be a message of")
	hold(t, "a good mail behind them", s.mail([]byte(bug)), "250 2.0.0 ok, it is stored")
	if st := l.set.List()[0]; len(door.log()) != 1 || st.Dead != 0 {
		t.Errorf("%d messages, %+v", len(door.log()), st)
	}
}

// TestNotTaken holds what is refused for good, and that a mail which says nothing is done with.
func TestNotTaken(t *testing.T) {
	t.Parallel()
	door := &logDoor{}
	l := listen(t, "&size=2000", door)
	s := l.dial()
	s.say("MAIL FROM:<>", "250")
	s.say("RCPT TO:<debmails@example.org>", "550 5.1.1")
	s.say("RCPT TO:<debmails@xbus.example.org>", "550 5.1.1")
	s.say("RCPT TO:<bus.example.org>", "550 5.1.1")
	s.say("RCPT TO:<DebMails@BUS.example.org>", "250 2.1.5")
	s.say("RSET", "250")
	s.say("MAIL FROM:<> SIZE=2001", "552 5.3.4")
	hold(t, "a mail of the bus", s.mail([]byte(LoopField+": 2026-1\n"+bug)), "554 5.4.6 the mail was sent by a message bus")
	hold(t, "a mail that goes round", s.mail([]byte(strings.Repeat("Received: a\n", 51)+bug)), "554 5.4.6 the mail has passed 51")
	hold(t, "a mail that says nothing", s.mail([]byte("Subject: lunch\n\nToday?\n")), "250 2.0.0 ok, nothing")
	hold(t, "a mail", s.mail([]byte(bug)), "250 2.0.0 ok, it is stored")
	if st := l.set.List()[0]; len(door.log()) != 1 || st.Received != 1 || st.Dead != 0 || st.PassedOver != 3 {
		t.Errorf("%v, %+v", door.log(), st)
	}
}

// TestStopsWhileMailsWait holds that a source which ends answers for the mails it has: try again.
func TestStopsWhileMailsWait(t *testing.T) {
	t.Parallel()
	door := &logDoor{held: make(chan struct{})}
	l := listen(t, "", door)
	s := l.dial()
	answer := make(chan string)
	go func() { answer <- s.mail([]byte(bug)) }()
	for came := 0; came == 0; {
		door.set(func() { came = door.came })
	}
	l.stop()
	hold(t, "a mail on its way", <-answer, "451 4.3.1")
	s.want("421")
	if _, err := os.Stat(l.path); err == nil {
		t.Error("the socket is still there")
	}
}

// TestStopsBehindWhatIsStored holds that a mail which is stored while the source ends is answered with yes, and need not come again.
func TestStopsBehindWhatIsStored(t *testing.T) {
	t.Parallel()
	door := &logDoor{held: make(chan struct{})}
	l := listen(t, "", door)
	s, idle := l.dial(), l.dial()
	answer := make(chan string)
	go func() { answer <- s.mail([]byte(bug)) }()
	for came := 0; came == 0; {
		door.set(func() { came = door.came })
	}
	var stopping sync.WaitGroup
	stopping.Go(l.stop)
	idle.want("421")
	_, _ = io.ReadAll(idle.in)
	close(door.held)
	hold(t, "a mail on its way", <-answer, "250 2.0.0 ok, it is stored")
	stopping.Wait()
}

// TestAddresses holds which addresses are refused, and why.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for from, fault := range map[string]string{
		"lmtp+unix:///run/fedmsg/lmtp.sock?recipients=a@b":                        "",
		"lmtp+unix:///run/x?recipients=a@b,@c&mode=0666&group=mail&service=mails": "",
		"lmtp://127.0.0.1:24?recipients=a@b":                                      "",
		"smtp://[::1]:2525?recipients=a@b":                                        "",
		"smtp://localhost:2525/?recipients=a%2Bc@b&size=1000000":                  "",
		"smtp://192.0.2.1:25?recipients=a@b&insecure_plain_smtp=yes":              "",
		"smtp://192.0.2.1:25?recipients=a@b":                                      "insecure_plain_smtp=yes",
		"smtp://mx.example.org:25?recipients=a@b":                                 "insecure_plain_smtp=yes",
		"lmtp://0.0.0.0:24?recipients=a@b":                                        "insecure_plain_smtp=yes",
		"lmtp://127.0.0.1:24":                                                     "so that no mail could come",
		"lmtp://127.0.0.1:24?recipients=":                                         "so that no mail could come",
		"lmtp://127.0.0.1:24?recipients=a@b,,c@d":                                 "empty address",
		"lmtp://127.0.0.1:24?recipients=a":                                        "no address",
		"lmtp://127.0.0.1:24?recipients=a@":                                       "no address",
		"lmtp://127.0.0.1:24?recipients=a+b@c":                                    "%2B",
		"lmtp://127.0.0.1?recipients=a@b":                                         "no port",
		"lmtp://127.0.0.1:24/x?recipients=a@b":                                    "path",
		"lmtp://127.0.0.1:24?recipients=a@b&mode=0600":                            "file of a socket",
		"lmtp+unix://run/lmtp.sock?recipients=a@b":                                "three slashes",
		"lmtp+unix:///run/x?recipients=a@b&mode=999":                              "0660",
		"lmtp+unix:///run/x?recipients=a@b&insecure_plain_smtp=yes":               "network",
		"lmtp+unix:///run/x?recipients=a@b&size=1":                                "size is a whole number",
		"lmtp+unix:///run/x?recipients=a@b&max_recipients=0":                      "max_recipients",
		"lmtp+unix:///run/x?recipients=a@b&size=5000&max_memory=4999":             "max_memory",
		"lmtp+unix:///run/x?recipients=a@b&idle=0s":                               "idle",
		"lmtp+unix:///run/x?recipients=a@b&dkim=yes&answer_time=5s":               "key_time=5s is not less than answer_time=5s",
		"lmtp+unix:///run/x?recipients=a@b&dkim=yes&key_time=1m":                  "answer_time=30s",
		"lmtp+unix:///run/x?recipients=a@b&dkim=yes&key_time=4s&answer_time=5s":   "",
		"lmtp+unix:///run/x?recipients=a@b&keyrings=/ring&answer_time=1s":         "",
		"lmtp+unix:///run/x?recipients=a@b&service=a.b":                           "one word",
		"lmtp+unix:///run/x?recipients=a@b&relay=yes":                             "not known",
		"smtp://me:geheim@127.0.0.1:2525?recipients=a@b":                          "password",
	} {
		_, err := NewListener(receive.Config{Name: "mails", From: from}, *reader(), nil)
		switch {
		case fault == "" && err != nil:
			t.Errorf("%s: %v", from, err)
		case fault != "" && (fedmsg.CodeOf(err) != fedmsg.CodeConfig || !strings.Contains(err.Error(), fault)):
			t.Errorf("%s: %v, want %q", from, err, fault)
		}
	}
	if _, err := NewListener(receive.Config{From: "lmtp://127.0.0.1:24?recipients=a@b", CA: "/x"}, *reader(), nil); err == nil {
		t.Error("a file of authorities is taken, which nobody would read")
	}
}

// TestNetwork holds that the other two addresses work as the socket does, and that a port which is taken is told of.
func TestNetwork(t *testing.T) {
	t.Parallel()
	for scheme, hello := range map[string]string{"lmtp": "LHLO", "smtp": "EHLO"} {
		ln, err := net.Listen("tcp", "127.0.0.1:"+fedmsgtest.FreePort())
		if err != nil {
			t.Fatal(err)
		}
		address := ln.Addr().String()
		c := receive.Config{Name: "mails", From: fmt.Sprintf("%s://%s?recipients=debmails@bus.example.org", scheme, address), Topics: []fedmsg.Pattern{fedmsg.MatchAll()}, RetryFirst: time.Millisecond, RetryMax: time.Millisecond}
		made, err := NewListener(c, *reader(), nil)
		if err != nil {
			t.Fatal(err)
		}
		door := &logDoor{}
		set, err := receive.New([]receive.Configured{{Config: c, Source: made}}, receive.Deps{Door: func(*receive.Config) receive.Door { return door }, Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		set.Start()
		for set.List()[0].LastError == "" {
			continue
		}
		if got := set.List()[0].LastError; !strings.Contains(got, address) || !strings.Contains(got, "in use") {
			t.Errorf("a port that is taken: %s", got)
		}
		ln.Close()
		for !set.List()[0].Connected {
			continue
		}
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		s := &session{t, nc, bufio.NewReader(nc)}
		s.want("220")
		s.say(hello+" mx.example.org", "250")
		hold(t, scheme, s.mail([]byte(bug)), "250 2.0.0 ok, it is stored")
		nc.Close()
		if err := set.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
