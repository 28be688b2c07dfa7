package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
)

// submission is one message of the input: parts of which the envelope is made, or a whole envelope.
type submission struct {
	message  fedmsg.Message
	envelope []byte
	at       string // where in the input it stands, for people
}

// documents gives one message of the input after the other, and io.EOF at the end. An error that is lineError is of this
// one alone.
type documents func() (submission, error)

// lineError is what is wrong with one line of the input; the next one may be good.
type lineError struct{ error }

func (e lineError) Unwrap() error { return e.error }

// stream publishes many messages, which are under way at the same time.
type stream struct {
	c   *client.Client
	dec *client.Decoder
	out *outcomes

	handing sync.Mutex // held while a message is handed to the client and noted in the queue
}

// pending is one message of the input that was read: on its way, or wrong.
type pending struct {
	at     string
	ticket *client.Ticket
	err    error
}

// maxPending bounds how many messages may wait for their turn to be printed.
const maxPending = 4096

// run publishes all of in and prints the outcomes in order. It returns what decides the exit status.
func (s *stream) run(ctx context.Context, in io.Reader, split func(io.Reader) documents) error {
	if split == nil {
		split = s.lines
	}
	next := split(in)
	defer s.out.meter.clear()
	queue := make(chan pending, maxPending)
	room := make(chan struct{}, maxPending)
	reading, stop := context.WithCancel(ctx)
	defer stop()
	// Nobody waits for this one when the program is interrupted or stops: it may sit in a read that nothing can end.
	go func() {
		defer close(queue)
		for {
			doc, err := next()
			if err == io.EOF {
				return
			}
			select {
			case room <- struct{}{}:
			case <-reading.Done():
				return
			}
			if !s.hand(reading, doc, err, queue) {
				return
			}
		}
	}()
	return s.print(ctx, queue, room, stop)
}

// hand gives a document to the client, unless reading it failed with err or ctx has ended, and puts it into the queue, which
// has room. It reports whether more is to be read.
func (s *stream) hand(ctx context.Context, doc submission, err error, queue chan<- pending) bool {
	s.handing.Lock()
	defer s.handing.Unlock()
	if ctx.Err() != nil {
		return false
	}
	item := pending{at: doc.at, err: err}
	if err == nil {
		item.ticket, item.err = s.submit(ctx, doc)
	}
	queue <- item
	_, one := errors.AsType[lineError](err)
	return err == nil || one
}

func (s *stream) submit(ctx context.Context, doc submission) (*client.Ticket, error) {
	if doc.envelope != nil {
		return s.c.SubmitEnvelope(ctx, doc.envelope)
	}
	return s.c.Submit(ctx, doc.message)
}

// print waits for the outcomes one after the other, and gives back the room of each. At the first message that nobody took it
// calls stop, which ends the reading.
func (s *stream) print(ctx context.Context, queue <-chan pending, room <-chan struct{}, stop func()) error {
	var worst error
	for {
		var item pending
		ok := false
		select {
		case item, ok = <-queue:
		default:
			if err := s.out.flush(); err != nil {
				return err
			}
			select {
			case item, ok = <-queue:
			case <-ctx.Done():
				return interrupted(ctx, nil)
			}
		}
		if !ok {
			break
		}
		<-room
		r, err := item.outcome(ctx)
		if ctx.Err() != nil {
			_ = s.out.flush()
			return interrupted(ctx, err)
		}
		if nobodyTook(err) {
			stop()
			return s.halt(ctx, item.at, err, queue)
		}
		s.out.one(item.at, r, err)
		worst = worse(worst, err)
	}
	if err := s.out.flush(); err != nil {
		return err
	}
	if worst != nil {
		return &exitError{status: fedmsg.CodeOf(worst).ExitStatus()}
	}
	return nil
}

// outcome waits for it.
func (p *pending) outcome(ctx context.Context) (fedmsg.Receipt, error) {
	if p.ticket == nil {
		return fedmsg.Receipt{}, p.err
	}
	return p.ticket.Wait(ctx)
}

// nobodyTook reports whether a message failed for a reason that those behind it have too: there is no node, or it takes
// nothing, and no spool either.
func nobodyTook(err error) bool {
	code := fedmsg.CodeOf(err)
	return code.Retryable() || code == fedmsg.CodeCannotMake
}

// halt ends the work at a message that nobody took, so that those behind it do not come without it. What is under way has its
// outcome when the client is closed; receipts that are among them are printed.
func (s *stream) halt(ctx context.Context, at string, err error, queue <-chan pending) error {
	_ = s.c.Close() // it never fails
	s.handing.Lock()
	defer s.handing.Unlock() // nothing more comes into the queue
	rest := "nothing behind it was published"
	for more := true; more; {
		var item pending
		select {
		case item, more = <-queue:
		default:
			more = false
		}
		if item.ticket == nil {
			continue
		}
		switch r, late := item.outcome(ctx); {
		case late == nil, fedmsg.CodeOf(late) == fedmsg.CodeQueued:
			s.out.receipt(r, late)
			rest = "of what is behind it only that was published whose receipts are printed"
		case fedmsg.CodeOf(late) == fedmsg.CodeTimeout:
			rest = "up to " + item.at + " it is unknown what is stored, and nothing further was sent"
		}
	}
	if ferr := s.out.flush(); ferr != nil {
		return ferr
	}
	s.out.meter.clear()
	s.out.p.note("%s: stopped at %s, with %d messages acknowledged before it: %s; %s", s.out.name, at, s.out.acked, err, rest)
	return &exitError{status: fedmsg.CodeOf(err).ExitStatus()}
}

// lines takes each line of the input as one message.
func (s *stream) lines(in io.Reader) documents {
	scan := bufio.NewScanner(in)
	scan.Buffer(make([]byte, 64<<10), maxInput)
	number := 0
	return func() (doc submission, err error) {
		more := scan.Scan()
		for number++; more && len(bytes.TrimSpace(scan.Bytes())) == 0; number++ {
			more = scan.Scan()
		}
		doc.at = fmt.Sprintf("line %d", number)
		switch {
		case more:
			if doc.message, doc.envelope, err = s.dec.Decode(bytes.Clone(scan.Bytes())); err != nil {
				err = lineError{wholeMessage(err, number == 1)}
			}
			return doc, err
		case errors.Is(scan.Err(), bufio.ErrTooLong):
			return doc, fedmsg.Errorf(fedmsg.CodeTooLarge, "the line has more than %d bytes", maxInput)
		case scan.Err() != nil:
			return doc, fedmsg.WrapError(fedmsg.CodeUsage, scan.Err(), "cannot read the input")
		}
		return doc, io.EOF
	}
}

// wholeMessage adds to what is wrong with the first line of the input what a line must be, for those who forgot --topic.
func wholeMessage(err error, first bool) error {
	code, text := fedmsg.Public(err)
	if !first || code != fedmsg.CodeBadJSON && code != fedmsg.CodeBadEnvelope {
		return err
	}
	return fedmsg.Errorf(code, `%s; without --topic each line is a whole message, {"topic": "…", "msg": {…}}`, text)
}

// outcomes prints what became of messages.
type outcomes struct {
	p      *program
	name   string // of the verb, before complaints
	json   bool
	buffer []byte
	count  int
	acked  int    // of count, those that are durable
	meter  *meter // how far the work is, on a terminal
}

// maxBuffered is how much is printed at once.
const maxBuffered = 32 << 10

// one prints the outcome of one message of the input.
func (o *outcomes) one(at string, r fedmsg.Receipt, err error) {
	o.count++
	if err == nil {
		o.acked++
	}
	o.meter.show("%d messages", o.count)
	if err != nil {
		o.meter.clear()
		_ = o.flush() // what came before is said before
		o.p.note("%s: %s: %s", o.name, at, err)
	}
	o.receipt(r, err)
	if len(o.buffer) > maxBuffered {
		_ = o.flush()
	}
}

// single prints the outcome of the only message.
func (o *outcomes) single(r fedmsg.Receipt, err error) error {
	o.receipt(r, err)
	if ferr := o.flush(); err == nil {
		err = ferr
	}
	return err
}

// receipt prints a receipt; of a message in the spool only the id is known.
func (o *outcomes) receipt(r fedmsg.Receipt, err error) {
	switch {
	case err != nil && fedmsg.CodeOf(err) != fedmsg.CodeQueued:
	case err != nil && o.json:
		o.buffer = fmt.Appendf(o.buffer, `{"id":"%s","queued":true}`+"\n", r.ID)
	case err != nil:
		o.buffer = fmt.Appendf(o.buffer, "%s queued\n", r.ID)
	case o.json:
		o.buffer = append(r.AppendJSON(o.buffer), '\n')
	default:
		o.buffer = append(append(o.buffer, r.ID...), ' ')
		o.buffer = append(r.Position.AppendTo(o.buffer), '\n')
	}
}

func (o *outcomes) flush() error {
	if len(o.buffer) == 0 {
		return nil
	}
	_, err := o.p.stdout.Write(o.buffer)
	o.buffer = o.buffer[:0]
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot print the receipts")
	}
	return nil
}
