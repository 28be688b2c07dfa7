package smtpd

import (
	"bufio"
	"bytes"
	"errors"
	"time"
)

// data receives a mail and answers for it.
func (c *session) data(argument string) bool {
	switch {
	case c.in.Buffered() > 0:
		return c.last(tooEarly) // if DATA is refused it would be commands
	case argument != "":
		return c.answered(badArgument)
	case !c.begun:
		return c.answered(badSequence)
	case len(c.recipients) == 0:
		return c.answered(noneFor)
	}
	c.answer(goAhead)
	c.end = time.Now().Add(c.MailTime)
	mail, reply, err := c.receive()
	c.end = time.Time{}
	if err != nil {
		return c.lost(err)
	}
	c.idle = 0
	size := len(mail)
	if reply == "" {
		reply = c.backend.Take(mail)
	}
	c.memory.give(size)
	answers := 1
	if c.LMTP {
		answers = len(c.recipients)
	}
	for range answers {
		c.answer(reply)
	}
	c.reset()
	return true
}

// receive reads a mail up to its end. One that is too large, or for which there is no room, is read to its end too, but not kept. The
// mail's memory is taken of the budget, unless there is a refusal or an error.
//
// A line ends with CRLF alone. Another LF is a byte as others are: mail servers disagree about it, and who takes it for the end of a line
// takes a dot behind it for the end of the mail, and what follows for commands, which the sender wrote as text.
func (c *session) receive() (mail []byte, refusal Reply, err error) {
	atStart, behind := true, byte(0) // the next byte begins a line; the last byte
	drop := func(r Reply) {
		c.memory.give(len(mail))
		mail, refusal = nil, r
	}
	for {
		piece, err := c.in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			drop(refusal)
			return nil, "", err
		}
		if atStart && string(piece) == ".\r\n" {
			return mail, refusal, nil
		}
		rest := piece
		if atStart {
			rest = bytes.TrimPrefix(piece, []byte("."))
		}
		atStart = bytes.HasSuffix(piece, []byte("\r\n")) || behind == '\r' && string(piece) == "\n"
		behind = piece[len(piece)-1]
		if refusal != "" {
			continue
		}
		switch {
		case len(mail)+len(rest) > c.MaxBytes:
			drop(tooLarge)
		case !c.memory.take(len(rest)):
			drop(noRoom)
		default:
			mail = append(mail, rest...)
		}
	}
}
