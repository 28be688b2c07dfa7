package smtpd

import (
	"strings"
	"testing"
)

// TestConversations holds what is answered to what.
func TestConversations(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"a mail":             "EHLO me|250 ;MAIL FROM:<b@c> SIZE=20 BODY=8BITMIME SMTPUTF8|250 2;RCPT TO:<a@bus.example.org>|250 2;DATA|354;hello\r\n.|250 2.0.0 stored;QUIT|221",
		"two mails":          "HELO me|250 bus;MAIL FROM:<>|250;RCPT TO:<a@bus.example.org>|250;DATA|354;.|250;MAIL FROM:<>|250;RCPT TO:<a@bus.example.org>|250;DATA|354;.|250",
		"nobody's":           "EHLO me|250;MAIL FROM:<>|250;RCPT TO:<a@example.org>|550 5.1.1 no?;DATA|554;RCPT TO:<a@bus.example.org>|250;DATA|354;.|250",
		"a route":            "EHLO me|250;MAIL FROM:<@x,@y:b@c>|250;RCPT TO:<@x:a@bus.example.org>|250",
		"quotes":             `EHLO me|250;MAIL FROM:<"a> b"@c>|250;RCPT TO:<"x > y"@bus.example.org>|250`,
		"too many":           "EHLO me|250;MAIL FROM:<>|250;RCPT TO:<a@bus.example.org>|250;RCPT TO:<b@bus.example.org>|250;RCPT TO:<c@bus.example.org>|250;RCPT TO:<d@bus.example.org>|452;RSET|250;DATA|503",
		"order":              "MAIL FROM:<>|503;EHLO me|250;RCPT TO:<a@bus.example.org>|503;DATA|503;MAIL FROM:<>|250;MAIL FROM:<>|503;DATA|554",
		"too large by size":  "EHLO me|250;MAIL FROM:<> SIZE=52428800|552;MAIL FROM:<> SIZE=1048576|250",
		"wrong arguments":    "EHLO|501;EHLO me|250;MAIL FROM:b@c|501;MAIL FROM:<b c>|501;MAIL FROM:<b|501;MAIL TO:<b>|501;MAIL FROM:<> SIZE=-1|555;MAIL FROM:<> X=1|555",
		"wrong recipients":   "EHLO me|250;MAIL FROM:<>|250;RCPT TO:<>|501;RCPT TO:<a@bus.example.org> NOTIFY=NEVER|555;RCPT TO:<a@bus.example.org>x|501;DATA now|501",
		"not here":           "EHLO me|250;STARTTLS|502;AUTH PLAIN AA|502;BDAT 3 LAST|502;VRFY a|252;NOOP|250;EXPN a|502;HELP|502;GET /|500",
		"LMTP's hello":       "LHLO me|500",
		"ten wrong commands": "EHLO me|250;A|500;A|500;A|500;A|500;A|500;A|500;A|500;A|500;A|500;A|500",
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := start(t, config(), newBox())
			c := dial(t, address)
			c.want("220 bus.example.org ESMTP")
			for step := range strings.SplitSeq(script, ";") {
				command, want, _ := strings.Cut(step, "|")
				c.say(command, want)
			}
			if strings.HasPrefix(name, "ten") {
				c.want("421 4.7.0")
				c.closed()
			}
		})
	}
}

// TestLMTP holds that each recipient is answered for, and the mail taken once.
func TestLMTP(t *testing.T) {
	t.Parallel()
	b, c := newBox(), config()
	c.LMTP = true
	address, _ := start(t, c, b)
	cl := dial(t, address)
	cl.want("220 bus.example.org LMTP")
	cl.say("EHLO me", "500")
	cl.say("LHLO me", "250 SIZE 1048576")
	cl.say("MAIL FROM:<>", "250")
	cl.say("RCPT TO:<a@bus.example.org>", "250")
	cl.say("RCPT TO:<a@example.org>", "550")
	cl.say("RCPT TO:<b@bus.example.org>", "250")
	cl.say("DATA", "354")
	cl.send("..a\r\n.\r\n")
	cl.want("250 2.0.0 stored")
	cl.want("250 2.0.0 stored")
	cl.say("QUIT", "221")
	cl.closed()
	if got := b.all(); len(got) != 1 || got[0] != ".a\r\n" {
		t.Errorf("%q", got)
	}
}

// TestPipelining holds that commands may come together, and nothing behind DATA before it is asked for: were it refused, a mail's
// text would be commands.
func TestPipelining(t *testing.T) {
	t.Parallel()
	b := newBox()
	address, _ := start(t, config(), b)
	c := dial(t, address)
	c.send("EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<a@bus.example.org>\r\nDATA\r\n")
	for _, want := range []string{"220", "250", "250", "250", "354"} {
		c.want(want)
	}
	c.send("a\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<a@bus.example.org>\r\nRSET\r\nQUIT\r\n")
	for _, want := range []string{"250 2.0.0 stored", "250", "250", "250", "221"} {
		c.want(want)
	}
	c.closed()
	for _, to := range []string{"a@bus.example.org", "a@example.org"} {
		c = dial(t, address)
		c.want("220")
		c.say("EHLO me", "250")
		c.say("MAIL FROM:<>", "250")
		c.send("RCPT TO:<" + to + ">\r\nDATA\r\nNOOP\r\n.\r\n")
		c.want("")
		c.want("421 5.5.0")
		c.closed()
	}
	if got := b.all(); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

// TestNotSMTP holds that what a browser sends is cut off before its text can be commands, and so is a line that ends in another way than
// mail servers end theirs.
func TestNotSMTP(t *testing.T) {
	t.Parallel()
	b := newBox()
	address, _ := start(t, config(), b)
	for _, text := range []string{
		"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nEHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<a@bus.example.org>\r\nDATA\r\n",
		"EHLO me\nMAIL FROM:<>\r\n", "EHLO me\rMAIL FROM:<>\r\n", "EHLO \x00\r\n", "\x16\x03\x01\x02\x00\x01\n", "NOOP " + strings.Repeat("a", 2048) + "\r\n",
		strings.Repeat("a", 20<<10),
	} {
		c := dial(t, address)
		c.want("220")
		c.send(text)
		c.want("421 5.5.2")
		c.closed()
	}
}

// TestReplies holds that a reply is one line of ASCII, whatever is in it.
func TestReplies(t *testing.T) {
	t.Parallel()
	for in, want := range map[Reply]string{
		"250 ok": "250 ok\r\n", "550 a\r\n250 b": "550 a?\r\n", "550 é\x1b[m": "550 ???[m\r\n", Reply("550 " + strings.Repeat("a", 600)): "550 " + strings.Repeat("a", 496) + "\r\n",
	} {
		if got := string(in.append(nil)); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
