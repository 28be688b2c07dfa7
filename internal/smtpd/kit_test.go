package smtpd

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// box is a Backend that keeps the mails it gets.
type box struct {
	mu    sync.Mutex
	mails []string
	hold  chan struct{} // Take waits for it to be closed; nil: it does not
	taken chan struct{} // has an element for each mail that Take has begun with
}

func newBox() *box { return &box{taken: make(chan struct{}, 10_000)} }

func (b *box) Recipient(address string) Reply {
	if strings.HasSuffix(address, "@bus.example.org") {
		return ok
	}
	return "550 5.1.1 no\r\n250 such\x00 one"
}

func (b *box) Take(mail []byte) Reply {
	b.taken <- struct{}{}
	if b.hold != nil {
		<-b.hold
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails = append(b.mails, string(mail))
	return "250 2.0.0 stored"
}

func (b *box) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.mails...)
}

func config() Config {
	return Config{
		Host: "bus.example.org", MaxBytes: 1 << 20, MaxRecipients: 3, MaxConnections: 10, Memory: 8 << 20, Idle: time.Minute, MailTime: time.Minute,
	}
}

// start serves until the test ends, or stop is called, which waits for the end.
func start(t *testing.T, c Config, b Backend) (address string, stop func()) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := Serve(ctx, ln, c, b); err != nil {
			t.Error(err)
		}
	})
	stop = func() { cancel(); done.Wait() }
	t.Cleanup(stop)
	return ln.Addr().String(), stop
}

// client is one connection.
type client struct {
	t  *testing.T
	nc net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, address string) *client {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second)) // so that a test fails and does not hang
	return &client{t, nc, bufio.NewReader(nc)}
}

// send sends bytes as they are.
func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.nc, text); err != nil {
		c.t.Fatalf("%q: %v", text[:min(len(text), 80)], err)
	}
}

// want reads a reply, of one or more lines, and holds its last line's beginning.
func (c *client) want(begin string) string {
	c.t.Helper()
	line, err := c.in.ReadString('\n')
	for err == nil && len(line) > 3 && line[3] == '-' {
		line, err = c.in.ReadString('\n')
	}
	if err != nil || !strings.HasPrefix(line, begin) || !strings.HasSuffix(line, "\r\n") {
		c.t.Fatalf("got %q, %v, want %s", line, err, begin)
	}
	return line
}

// closed holds that the server has ended the connection.
func (c *client) closed() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.in); err == nil && len(rest) > 0 {
		c.t.Fatalf("there is more: %q", rest)
	}
}

// say sends a command and holds the beginning of its answer.
func (c *client) say(command, begin string) {
	c.t.Helper()
	c.send(command + "\r\n")
	c.want(begin)
}

// begin brings the conversation to where a mail is sent.
func (c *client) begin() *client {
	c.t.Helper()
	c.want("220 ")
	c.say("EHLO me", "250 ")
	return c.envelope()
}

func (c *client) envelope() *client {
	c.t.Helper()
	c.say("MAIL FROM:<>", "250 ")
	c.say("RCPT TO:<a@bus.example.org>", "250 ")
	c.say("DATA", "354 ")
	return c
}
