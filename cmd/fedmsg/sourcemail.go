package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/mailin"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

const (
	exitBadMail = 65 // the mail server gives the mail back
	exitLater   = 75 // the mail server keeps the mail and comes again
)

// mailFlags are the flags of `fedmsg source mail`.
type mailFlags struct {
	clientFlags
	reading   url.Values // as an address of a source would have them
	mbox, dry bool
}

// sourceMail is `fedmsg source mail`. node are the flags by which it finds the node.
func (p *program) sourceMail(node *clientFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mail [FILE|-]",
		Short: "Publish what a mail says; a mail server pipes its mails to this",
		Long: `Publish what a mail says: an upload, a bug report, commands to the bug tracker, a mail of a list. Which messages are made of which
mails is in docs/debian.md. What says nothing of this kind is passed over.

It is for a mail server to pipe mails to, from its aliases, a .forward or procmail, as a user who may publish on these topics.
It ends with one of three exit statuses, also where its own flags are wrong, and says on standard error why it is not 0:

   0  what the mail says is stored by the node, or in the spool from where the node gets it; or there was nothing to publish
  65  the mail is too large, cannot be read, or came from a bus; the mail server sends it back
  75  anything else, such as a wrong flag, no node and no spool, or no right to publish; the mail server keeps the mail and tries again

The same mail is published once, however often and whichever way it comes.

With --mbox the input is a mailbox with many mails; each is published before the next one is read, and what is wrong with one
is told on standard error.`,
		Example: `  # in /etc/aliases, for the mails to debmails@; then run newaliases
  debmails: "|/usr/bin/fedmsg source mail"

  # what would be published of a mail, or of all mails of a mailbox
  fedmsg source mail --dry-run <mail
  fedmsg source mail --dry-run --mbox debian-bugs.mbox | jq -r .topic`,
		Args: cobra.ArbitraryArgs, // which are counted where the exit status is known
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return p.mailStatus(cmd, flagError(cmd, err)) })
	f := cmd.Flags()
	own := &mailFlags{clientFlags: clientFlags{settings: settingFlags{}}}
	own.publishingFlags(f)
	options := readingFlags(f)
	f.BoolVar(&own.mbox, "mbox", false, "the input is a mailbox with many mails")
	f.BoolVar(&own.dry, "dry-run", false, "publish nothing, and print what would be published: a message in each line")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o := *own
		o.clientFlags = *node
		o.settings, o.noSpool = maps.Clone(node.settings), own.noSpool
		maps.Copy(o.settings, own.settings)
		o.reading = options()
		return p.mailStatus(cmd, p.takeMails(cmd, &o, args))
	}
	return cmd
}

// badMail is an error that is the mail's own fault.
type badMail struct{ error }

func (e badMail) Unwrap() error { return e.error }

// mailStatus tells of an error, and gives it the exit status that has a mail server do the right thing: a mail must not come back to its
// sender because something is wrong here.
func (p *program) mailStatus(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	p.note("%s: %s", cmd.CommandPath(), err)
	if _, bad := errors.AsType[badMail](err); bad {
		return &exitError{status: exitBadMail}
	}
	return &exitError{status: exitLater}
}

// takeMails publishes all mails of the input. Of several errors it gives one for which the mail server comes again.
func (p *program) takeMails(cmd *cobra.Command, o *mailFlags, args []string) error {
	if len(args) > 1 {
		return usageError(cmd, fmt.Sprintf("%q is one word too many", args[1]), "")
	}
	cfg, err := p.clientConfig(cmd, &o.clientFlags)
	if err != nil {
		return err
	}
	in, err := p.input(args)
	if err != nil {
		return err
	}
	defer in.Close()
	t := &mailTaker{p: p, name: cmd.CommandPath()}
	if t.reader, err = mailReader(&cfg, o.reading); err != nil {
		return err
	}
	if !o.dry {
		if t.c, err = p.newClient(cfg, &o.clientFlags, true); err != nil {
			return err
		}
		defer t.c.Close()
		drainFirst(cmd.Context(), t.c, o.timeout)
	}
	if !o.mbox {
		raw, err := readMail(in, t.reader.Limits.Bytes)
		if err != nil {
			return err
		}
		return t.take(cmd.Context(), raw)
	}
	return t.takeAll(cmd.Context(), newMbox(in, t.reader.Limits.Bytes))
}

// readMail reads a mail of at most max bytes.
func readMail(in io.Reader, max int) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(in, int64(max)+1))
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeUnavailable, err, "cannot read the mail")
	}
	if len(raw) > max {
		return nil, mailTooLarge(max)
	}
	return raw, nil
}

func mailTooLarge(max int) error {
	return badMail{fedmsg.Errorf(fedmsg.CodeTooLarge, "the mail has more than %d bytes, which are allowed; --size allows more", max)}
}

// mailTaker publishes what mails say, or prints it.
type mailTaker struct {
	p      *program
	name   string
	reader mailin.Reader
	c      *client.Client // nil where it is printed
}

// takeAll publishes all mails of a mailbox. What is wrong with one does not keep those behind it from being published, unless these
// would fare no better.
func (t *mailTaker) takeAll(ctx context.Context, box *mbox) error {
	var worst error
	for number := 1; ; number++ {
		raw, err := box.next()
		if err == io.EOF {
			return worst
		}
		if err == nil {
			err = t.take(ctx, raw)
		}
		if _, bad := errors.AsType[badMail](err); err != nil && !bad {
			return fedmsg.WrapError(fedmsg.CodeOf(err), err, "stopped at mail %d of the mailbox", number)
		}
		if err != nil {
			t.p.note("%s: mail %d of the mailbox: %s", t.name, number, err)
			worst = badMail{fedmsg.Errorf(fedmsg.CodeBadRequest, "not all mails of the mailbox were published")}
		}
	}
}

// take publishes what a mail says.
func (t *mailTaker) take(ctx context.Context, raw []byte) error {
	reading := t.reader.Read(ctx, raw)
	switch reading.Verdict {
	case mailin.Unreadable, mailin.Looped:
		return badMail{reading.Err}
	case mailin.Nothing:
		if t.c == nil { // nothing printed would leave open whether it was read at all
			t.p.note("%s: no message is made of it: as a mail it is of the kind %q", t.name, string(reading.Kind))
		}
		return nil
	}
	for i := range reading.Messages {
		if err := t.publish(ctx, &reading.Messages[i]); err != nil {
			return err
		}
	}
	return nil
}

// publish publishes one message, or prints it.
func (t *mailTaker) publish(ctx context.Context, m *wire.Carried) error {
	if t.c == nil {
		line, err := json.Marshal(struct {
			Topic string          `json:"topic"`
			ID    string          `json:"id"`
			Msg   json.RawMessage `json:"msg"`
		}{m.Topic, m.ID, m.Body})
		if err == nil {
			_, err = t.p.stdout.Write(append(line, '\n'))
		}
		return err
	}
	_, err := t.c.PublishMessage(ctx, fedmsg.Message{Topic: m.Topic, ID: m.ID, Body: m.Body})
	switch fedmsg.CodeOf(err) {
	case fedmsg.CodeQueued: // the node gets it from the spool
		return nil
	case fedmsg.CodeIDConflict, fedmsg.CodeRedacted: // the mail was published before, and read in another way then; or is not to be
		t.p.note("%s: not published again: %s", t.name, err)
		return nil
	case fedmsg.CodeTooLarge:
		return badMail{err}
	}
	return err
}
