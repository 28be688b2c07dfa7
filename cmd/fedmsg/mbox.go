package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/federated-messaging/fedmsg"
)

// mbox reads the mails of a mailbox: each begins with a line "From …" at the beginning, or behind an empty line. A line of a mail that began
// so has a > before it, which is taken away.
type mbox struct {
	in    *bufio.Reader
	max   int
	begun bool // the line that begins the next mail has been read
}

func newMbox(in io.Reader, max int) *mbox {
	return &mbox{in: bufio.NewReaderSize(in, 64<<10), max: max}
}

// next gives the next mail, or io.EOF. For one of more than max bytes it fails with a badMail, and goes on behind it.
func (b *mbox) next() ([]byte, error) {
	var mail []byte
	empty, start := !b.begun, true // the line before is empty; a line begins
	any, tooLarge := b.begun, false
	b.begun = false
	for {
		piece, err := b.in.ReadSlice('\n')
		if start && empty && bytes.HasPrefix(piece, []byte("From ")) {
			if err := b.skipLine(err); err != nil {
				return nil, err
			}
			if any {
				b.begun = true
				break
			}
			any, empty = true, false
			continue
		}
		any = any || len(bytes.TrimSpace(piece)) > 0
		if start && bytes.HasPrefix(bytes.TrimLeft(piece, ">"), []byte("From ")) {
			piece = bytes.TrimPrefix(piece, []byte(">"))
		}
		if tooLarge = tooLarge || len(mail)+len(piece) > b.max; !tooLarge {
			mail = append(mail, piece...)
		}
		empty = start && len(bytes.TrimRight(piece, "\r\n")) == 0
		start = !errors.Is(err, bufio.ErrBufferFull)
		if err == io.EOF {
			break
		}
		if err != nil && start {
			return nil, fedmsg.WrapError(fedmsg.CodeUnavailable, err, "cannot read the mailbox")
		}
	}
	switch {
	case tooLarge:
		return nil, mailTooLarge(b.max)
	case !any:
		return nil, io.EOF
	}
	return mail, nil
}

// skipLine reads the rest of a line, of which the last read gave err.
func (b *mbox) skipLine(err error) error {
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = b.in.ReadSlice('\n')
	}
	if err != nil && err != io.EOF {
		return fedmsg.WrapError(fedmsg.CodeUnavailable, err, "cannot read the mailbox")
	}
	return nil
}
