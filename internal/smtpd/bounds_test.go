package smtpd

import (
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestLargeMail sends 50 MB where 1 MB is taken: it is refused when it has come, nothing of it is kept, and the next mail is taken.
// It counts what is allocated, so that it runs alone.
func TestLargeMail(t *testing.T) {
	b := newBox()
	address, _ := start(t, config(), b)
	c := dial(t, address).begin()
	block := []byte(strings.Repeat(strings.Repeat("a", 998)+"\r\n", 100))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 500 {
		if _, err := c.nc.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	c.send(".\r\n")
	c.want("552 5.3.4")
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("%d bytes were allocated for it", used)
	}
	c.envelope().send("a\r\n.\r\n")
	c.want("250")
	if got := b.all(); len(got) != 1 || got[0] != "a\r\n" {
		t.Errorf("%d mails", len(got))
	}
}

// TestMemory holds that all mails on their way together have a bound, and give their memory back.
func TestMemory(t *testing.T) {
	t.Parallel()
	b, conf := newBox(), config()
	conf.Memory = conf.MaxBytes
	address, _ := start(t, conf, b)
	line := strings.Repeat("a", 998) + "\r\n"
	large := strings.Repeat(line, 700)
	b.hold = make(chan struct{})
	first := dial(t, address).begin()
	first.send(large + ".\r\n")
	<-b.taken
	second := dial(t, address).begin()
	second.send(large + ".\r\n")
	second.want("452 4.3.1")
	close(b.hold)
	first.want("250")
	second.envelope().send(strings.Repeat(line, 1000) + ".\r\n")
	second.want("250")
}

// TestSlowClients holds that neither silence nor a mail that trickles keeps a connection.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	b, conf := newBox(), config()
	conf.Idle = 20 * time.Millisecond
	address, _ := start(t, conf, b)
	c := dial(t, address)
	c.want("220")
	c.want("421 4.4.2")
	c.closed()

	conf = config()
	conf.MailTime = 20 * time.Millisecond
	address, _ = start(t, conf, b)
	c = dial(t, address).begin()
	for { // it sends all the time
		if _, err := io.WriteString(c.nc, "a\r\n"); err != nil {
			break
		}
	}
	if got := b.all(); len(got) != 0 {
		t.Errorf("%d mails, none of which came whole", len(got))
	}
}

// TestTooManyConnections holds that one more than there may be is told so, and let in when another has left.
func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	conf := config()
	conf.MaxConnections = 2
	address, _ := start(t, conf, newBox())
	first, second := dial(t, address), dial(t, address)
	first.want("220")
	second.want("220")
	third := dial(t, address)
	third.want("421 4.3.2")
	third.closed()
	second.say("QUIT", "221")
	second.closed()
	for {
		c := dial(t, address)
		if line, _ := c.in.ReadString('\n'); strings.HasPrefix(line, "220") {
			break
		}
	}
	first.say("NOOP", "250")
}

// TestCutOff holds that what did not come whole is not taken, wherever it is cut.
func TestCutOff(t *testing.T) {
	t.Parallel()
	b := newBox()
	address, stop := start(t, config(), b)
	mail := "Subject: a\r\n\r\ntext\r\n.\r\n"
	for n := range len(mail) {
		c := dial(t, address).begin()
		c.send(mail[:n])
		if n%2 == 0 {
			_ = c.nc.(*net.TCPConn).CloseWrite() // it still listens for an answer
			c.closed()
		}
		c.nc.Close()
	}
	stop()
	if got := b.all(); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// TestStop holds that who waits for the answer to a mail gets it, and all others are told at once.
func TestStop(t *testing.T) {
	t.Parallel()
	b := newBox()
	b.hold = make(chan struct{})
	address, stop := start(t, config(), b)
	idle, sending, waiting := dial(t, address), dial(t, address).begin(), dial(t, address).begin()
	idle.want("220")
	sending.send("a\r\n")
	waiting.send("b\r\n.\r\n")
	<-b.taken
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	for _, c := range []*client{idle, sending} {
		c.want("421 4.3.2")
		c.closed()
	}
	select {
	case <-stopped:
		t.Error("the server did not wait for what became of a mail")
	default:
	}
	close(b.hold)
	waiting.want("250 2.0.0 stored")
	waiting.want("421 4.3.2")
	waiting.closed()
	<-stopped
	if got := b.all(); len(got) != 1 || got[0] != "b\r\n" {
		t.Errorf("%q", got)
	}
}
