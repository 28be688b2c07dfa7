package mailin

import (
	"context"
	"sync"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/maildir"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// What is read of a Maildir at once: each mail may wait until the domains that signed it have told their keys, and those behind it
// should not wait for that.
const (
	maxWindow      = 16
	maxWindowBytes = 16 << 20 // with which no further mail is read
)

// came is a mail that was read.
type came struct {
	mail    maildir.Mail
	raw     []byte
	err     error // why there is no raw
	reading Reading
}

// window reads the first of the mails, without those that are on their way already or gone, and finds out what they say. rest are those
// behind them.
func (w *watch) window(ctx context.Context, mails []maildir.Mail) (some []came, rest []maildir.Mail) {
	for size := 0; len(mails) > 0 && len(some) < maxWindow && size < maxWindowBytes; mails = mails[1:] {
		w.moving.Lock()
		taken := w.taken[mails[0]]
		w.moving.Unlock()
		if taken {
			continue
		}
		raw, err := w.dir.Read(mails[0], int64(w.reader.Limits.Bytes))
		if fedmsg.CodeOf(err) == fedmsg.CodeNotFound {
			continue
		}
		some = append(some, came{mail: mails[0], raw: raw, err: err})
		size += len(raw)
	}
	var looking sync.WaitGroup
	for i := range some {
		if c := &some[i]; c.err == nil {
			looking.Go(func() { c.reading = w.reader.Read(ctx, c.raw) })
		}
	}
	looking.Wait()
	return some, mails
}

// take hands on what a mail says.
func (w *watch) take(ctx context.Context, c *came) error {
	if fedmsg.CodeOf(c.err) == fedmsg.CodeTooLarge {
		w.leave(c.mail, c.err)
		return nil
	}
	if c.err != nil {
		return c.err
	}
	switch c.reading.Verdict {
	case Looped, Unreadable:
		w.leave(c.mail, c.reading.Err)
	case Nothing:
		w.in.PassOver()
		w.done(c.mail, false)
	case Publish:
		return w.submit(ctx, c.mail, c.reading.Items(func() { w.done(c.mail, w.remove) })...)
	}
	return nil
}

// leave tells of a mail that is not published, and leaves its file in the Maildir, marked. It makes no dead letter: whoever can send mails
// could fill them.
func (w *watch) leave(m maildir.Mail, why error) {
	w.in.PassOver()
	w.in.Remark("a mail is not published, and stays in " + w.path + ", marked as seen: " + ops.Excerpt(m.String()) + ": " + why.Error())
	w.done(m, false)
}
