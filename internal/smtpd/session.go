package smtpd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// Limits on what a client says beside its mails.
const (
	maxLine   = 2048 // bytes of a command
	maxWrong  = 10   // commands that are refused for their form
	maxIdle   = 100  // commands between two mails, beside one for each recipient that a mail may have
	bufferLen = 16 << 10
)

// farewell is how long a client may take, when the server stops, to read what it was told.
const farewell = time.Second

// session is one connection. It belongs to its goroutine.
type session struct {
	*server
	nc  net.Conn
	in  *bufio.Reader
	out []byte    // answers that are not written yet
	end time.Time // when the mail that comes must be there; zero outside of a mail

	greeted    bool
	begun      bool     // by MAIL
	recipients []string // that were taken
	wrong      int
	idle       int // commands since the last mail
}

// serve speaks with one client until it leaves, or must.
func (s *server) serve(nc net.Conn) {
	defer nc.Close()
	defer context.AfterFunc(s.ctx, func() {
		_ = nc.SetReadDeadline(time.Unix(1, 0))
		_ = nc.SetWriteDeadline(time.Now().Add(farewell))
	})()
	c := &session{server: s, nc: nc}
	c.in = bufio.NewReaderSize(c, bufferLen)
	kind := " ESMTP"
	if s.LMTP {
		kind = " LMTP"
	}
	c.answer(Reply("220 " + s.Host + kind))
	for c.command() {
	}
	_ = c.flush()
}

// answer writes a reply, at the latest before something is waited for.
func (c *session) answer(r Reply) { c.out = r.append(c.out) }

// last is answer for what ends the connection.
func (c *session) last(r Reply) bool {
	c.answer(r)
	return false
}

// errStopping ends what is read when the server stops.
var errStopping = errors.New("stopping")

// Read reads from the client, after all that it is to know has been sent. It is what in reads from.
func (c *session) Read(p []byte) (int, error) {
	if err := c.flush(); err != nil {
		return 0, err
	}
	until := time.Now().Add(c.Idle)
	if !c.end.IsZero() && c.end.Before(until) {
		until = c.end
	}
	if err := c.nc.SetReadDeadline(until); err != nil {
		return 0, err
	}
	if c.ctx.Err() != nil { // or it ends later, and with it the deadline
		return 0, errStopping
	}
	return c.nc.Read(p)
}

// flush sends what is to be sent. Who does not read it is left, and waited for no second time.
func (c *session) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	err := c.nc.SetWriteDeadline(time.Now().Add(c.Idle))
	if err == nil && c.ctx.Err() != nil { // or it ends later, and the deadline changes with it
		err = c.nc.SetWriteDeadline(time.Now().Add(min(c.Idle, farewell)))
	}
	if err == nil {
		_, err = c.nc.Write(c.out)
	}
	if err != nil {
		c.nc.Close()
	}
	c.out = c.out[:0]
	return err
}

// lost answers, as far as anybody still listens, that reading failed.
func (c *session) lost(err error) bool {
	switch {
	case c.ctx.Err() != nil:
		return c.last(stopping)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return c.last(tooSlow)
	}
	return false
}

// command reads a command and carries it out. It reports whether another may follow.
func (c *session) command() bool {
	line, err := c.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return c.last(badLine)
	case err != nil:
		return c.lost(err)
	}
	text := bytes.TrimSuffix(line, []byte("\r\n")) // a line that ends in another way has a control character left
	if len(line) > maxLine || bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return c.last(badLine)
	}
	if c.idle++; c.idle > maxIdle+c.MaxRecipients {
		return c.last(tooIdle)
	}
	verb, argument, _ := strings.Cut(string(text), " ")
	verb, argument = strings.ToUpper(verb), strings.TrimSpace(argument)
	if verb == "QUIT" {
		return c.last(bye)
	}
	if verb == "DATA" {
		return c.data(argument)
	}
	reply, known := c.simple(verb, argument)
	if !known && !c.greeted {
		return c.last(notSMTP) // such as a browser that somebody's page sends here
	}
	return c.answered(reply)
}

// answered answers a command, and reports whether another may follow.
func (c *session) answered(reply Reply) bool {
	if reply != "" {
		c.answer(reply)
	}
	if reply.wrong() {
		c.wrong++
	}
	return c.wrong < maxWrong || c.last(tooMany)
}

// simple carries out a command that is one line. An empty reply has been given already.
func (c *session) simple(verb, argument string) (reply Reply, known bool) {
	switch verb {
	case "LHLO", "EHLO", "HELO":
		return c.hello(verb, argument), true
	case "MAIL":
		return c.mail(argument), true
	case "RCPT":
		return c.recipient(argument), true
	case "RSET":
		c.reset()
		return ok, true
	case "NOOP":
		return ok, true
	case "VRFY":
		return unverified, true
	case "EXPN", "HELP", "AUTH", "STARTTLS", "BDAT":
		return notDone, true
	}
	return unknown, false
}

// reset forgets the mail that was begun.
func (c *session) reset() { c.begun, c.recipients = false, nil }

func (c *session) hello(verb, argument string) Reply {
	if (verb == "LHLO") != c.LMTP {
		return wrongHello
	}
	if argument == "" {
		return badArgument
	}
	c.greeted = true
	c.reset()
	if verb == "HELO" {
		return Reply("250 " + c.Host)
	}
	for _, line := range []string{c.Host, "PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"} {
		c.out = append(append(append(c.out, "250-"...), line...), "\r\n"...)
	}
	c.out = append(c.out, "250 SIZE "+strconv.Itoa(c.MaxBytes)+"\r\n"...)
	return ""
}

func (c *session) mail(argument string) Reply {
	if !c.greeted || c.begun {
		return badSequence
	}
	_, options, read := path(argument, "FROM:")
	if !read {
		return badArgument
	}
	size, read := declared(options)
	switch {
	case !read:
		return badOption
	case size > c.MaxBytes:
		return tooLarge
	}
	c.begun = true
	return ok
}

func (c *session) recipient(argument string) Reply {
	if !c.begun {
		return badSequence
	}
	address, options, read := path(argument, "TO:")
	switch {
	case !read || address == "":
		return badArgument
	case len(options) > 0:
		return badOption
	case len(c.recipients) >= c.MaxRecipients:
		return tooManyFor
	}
	reply := c.backend.Recipient(address)
	if reply.OK() {
		c.recipients = append(c.recipients, address)
	}
	return reply
}
