package mailin

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/bind"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/smtpd"
)

// ListenerInFlight is what this kind proposes for in_flight of a source.
const ListenerInFlight = 1024

// source is a listener to which the mail server of this machine gives mails, by LMTP or SMTP.
type source struct {
	uri        string    // for people
	file       bind.File // of a unix socket; else its path is empty and address is set
	address    string    // HOST:PORT
	smtp       smtpd.Config
	recipients recipients
	reader     Reader
	answer     time.Duration // how long a mail may take until it is stored; then the mail server is asked to send it again
}

var _ receive.Source = (*source)(nil)

// NewListener checks the address of a source that listens, and opens nothing. Its mails are read as by the reader, with what the address says of
// [ReaderOptions].
//
// The log is the only place where a mail waits: the mail server is told that a mail was taken when what became of it is on disk, and keeps
// it itself as long as it is told anything else.
func NewListener(c receive.Config, r Reader, logger *slog.Logger) (receive.Source, error) {
	r.Log = logger
	return parse(&c, r)
}

// Run listens until ctx ends.
func (s *source) Run(ctx context.Context, in *receive.Intake) error {
	if err := s.reader.open(); err != nil {
		return err
	}
	ln, remove, err := s.listen(ctx)
	if err != nil {
		return err
	}
	defer remove()
	in.Connected()
	// A mail that is there is answered for before the source ends, if that does not take long.
	taking, give := context.WithCancel(context.WithoutCancel(ctx))
	defer give()
	var drained sync.WaitGroup
	defer drained.Wait()
	serving, stop := context.WithCancel(ctx)
	defer stop()
	drained.Go(func() {
		<-serving.Done()
		in.Drain()
		give()
	})
	d := &door{source: s, in: in, ctx: taking, turn: make(chan struct{}, 1)}
	err = smtpd.Serve(serving, ln, s.smtp, d)
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// listen opens the socket. remove takes its file away.
func (s *source) listen(ctx context.Context) (ln net.Listener, remove func(), err error) {
	if s.file.Path != "" {
		return s.file.Listen(ctx)
	}
	ln, err = bind.TCP(ctx, s.address, s.uri, "from")
	return ln, func() {}, err
}

// door is what mails go through during one Run.
type door struct {
	*source
	in   *receive.Intake
	ctx  context.Context // ends when nothing is waited for any more
	turn chan struct{}   // has an element while somebody submits
}

var _ smtpd.Backend = (*door)(nil)

const (
	notNow smtpd.Reply = "451 4.3.1 nothing can be stored now, send it again later"
	nobody smtpd.Reply = "550 5.1.1 no mail is taken for this address"
	fine   smtpd.Reply = "250 2.1.5 ok"
	silent smtpd.Reply = "250 2.0.0 ok, nothing in it is published"
	stored smtpd.Reply = "250 2.0.0 ok, it is stored"
)

// Recipient judges an address. What cannot be stored now need not be sent at all.
func (d *door) Recipient(address string) smtpd.Reply {
	switch {
	case !d.recipients.has(address):
		return nobody
	case d.in.HeldBack():
		return notNow
	}
	return fine
}

// Take publishes a mail, and returns when that is on disk. What is not stored in time may be stored later: the mail server sends it
// again, and it is known then.
func (d *door) Take(mail []byte) smtpd.Reply {
	ctx, cancel := context.WithTimeout(d.ctx, d.answer)
	defer cancel()
	reading := d.reader.Read(ctx, mail)
	switch reading.Verdict {
	case Nothing:
		d.in.PassOver()
		return silent
	case Looped:
		return d.refuse("554 5.4.6 ", reading.Err)
	case Unreadable:
		return d.refuse("554 5.6.0 ", reading.Err)
	}
	settled := make(chan struct{})
	if d.submit(ctx, reading.Items(func() { close(settled) })) != nil {
		return notNow
	}
	select {
	case <-settled:
		return stored
	case <-ctx.Done():
	}
	select {
	case <-settled:
		return stored
	default:
		return notNow
	}
}

// refuse has the mail server tell the sender. Nothing is kept of the mail here: whoever can send mails could fill the dead letters.
func (d *door) refuse(code string, why error) smtpd.Reply {
	_, reason := fedmsg.Public(why)
	d.in.PassOver()
	d.in.Remark("a mail is refused: " + reason)
	return smtpd.Reply(code + reason)
}

// submit hands items to the intake, which takes them of one goroutine at a time.
func (d *door) submit(ctx context.Context, items []receive.Item) error {
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-d.turn }()
	return d.in.Submit(ctx, items...)
}
