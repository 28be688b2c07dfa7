package smtpd

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestSmuggling holds that a mail ends at CRLF dot CRLF alone, in whatever pieces it comes: all other ends that mail servers have been
// found to believe in are text, and so are the commands behind them.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	b := newBox()
	address, _ := start(t, config(), b)
	commands := "MAIL FROM:<root@debian.org>\r\nRCPT TO:<a@bus.example.org>\r\nDATA\r\nX-DAK: dak process-upload\r\n\r\nsmuggled\r\n"
	for _, end := range []string{
		"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\n.\r", "\r.\n", "\r\n.\x00\r\n", "\r\n\x00.\r\n", "\r\n.\r\r\n", "\n\r.\r\n", "\r\n .\r\n", "\n\n.\r\n",
		"\r\n.\r.\r\n", "\x85.\x85", "\u2028.\u2028", "\r\n.\x0b\r\n", "\r\n..\r\n",
	} {
		want := "Subject: a\r\n\r\ntext" + strings.Replace(end, "\r\n.", "\r\n", 1) + commands
		data := "Subject: a\r\n\r\ntext" + end + commands + ".\r\n"
		for _, step := range []int{len(data), 1, 7} {
			c := dial(t, address).begin()
			for rest := data; rest != ""; rest = rest[min(step, len(rest)):] {
				c.send(rest[:min(step, len(rest))])
			}
			c.want("250 2.0.0 stored")
			c.say("QUIT", "221")
			c.closed()
			got := b.all()
			if last := got[len(got)-1]; last != want {
				t.Errorf("%q in pieces of %d: the mail is\n%q, want\n%q", end, step, last, want)
			}
			b.mails = nil
			if len(got) != 1 {
				t.Errorf("%q in pieces of %d: %d mails", end, step, len(got))
			}
		}
	}
}

// TestDataComesBack sends random texts of the bytes that matter, as a mail server has to send them, and many at the edges of the buffer.
func TestDataComesBack(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	b := newBox()
	address, _ := start(t, config(), b)
	c := dial(t, address).begin()
	for n := range 500 {
		var text strings.Builder
		if n%5 == 0 {
			text.WriteString(strings.Repeat("a", bufferLen-random.IntN(20)))
		}
		for range random.IntN(40) {
			text.WriteByte("\r\n..a"[random.IntN(5)])
		}
		text.WriteString("\r\n")
		stuffed := strings.ReplaceAll(text.String(), "\r\n.", "\r\n..")
		if strings.HasPrefix(stuffed, ".") {
			stuffed = "." + stuffed
		}
		c.send(stuffed + ".\r\n")
		c.want("250")
		if got := b.all(); len(got) != 1 || got[0] != text.String() {
			t.Fatalf("%q came as %q", text.String(), got)
		}
		b.mails = nil
		c.envelope()
	}
}

// TestAnyBytes sends pieces of conversations in any order: nothing panics, and nothing is taken that did not end.
func TestAnyBytes(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	b := newBox()
	address, stop := start(t, config(), b)
	pieces := []string{
		"EHLO me\r\n", "MAIL FROM:<>\r\n", "RCPT TO:<a@bus.example.org>\r\n", "DATA\r\n", "text\r\n", ".\r\n", "\r\n", "\n", ".", "RSET\r\n", "NOOP\r\n", "<", "\x00",
		"RCPT TO:<\"", "MAIL FROM:<\"\\", "HELO x\r\n", "LHLO x\r\n", "MAIL FROM:<@:>\r\n", "MAIL FROM:<> SIZE\r\n", " ", ":",
	}
	for range 300 {
		c := dial(t, address)
		for range random.IntN(30) {
			if _, err := c.nc.Write([]byte(pieces[random.IntN(len(pieces))])); err != nil {
				break // the server has had enough
			}
		}
		c.nc.Close()
	}
	stop()
}
