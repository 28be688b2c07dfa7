package mailin

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strconv"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/debian"
	"github.com/federated-messaging/fedmsg/internal/mailmsg"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// LoopField is the field of the header by which a mail that the bus sent out is known, and not taken in again.
const LoopField = "X-Fedmsg-Id"

// DefaultService is the word of topics behind prefix and environment that Debian's messages from mails have always had.
const DefaultService = "debmessenger"

// defaultReceived is how many servers a mail may have passed. RFC 5321 asks for a limit of at least 100 and says that others are
// smaller; real mails pass about ten.
const defaultReceived = 50

// Reader reads mails, whichever door they come by. Its fields are not changed while it is used; it is safe for concurrent use.
type Reader struct {
	TopicPrefix string // the organisation, as in org.debian; must be set
	Environment string // as in prod; must be set
	Service     string // the word behind it; empty means [DefaultService]
	Limits      mailmsg.Limits
	MaxReceived int          // servers that a mail may have passed; 0 means 50
	MaxBody     int          // bytes of a message's body, also in canonical form; 0 means that of [fedmsg.DefaultLimits]
	Checker     Checker      // optional; without it nothing is said of who signed a mail
	Log         *slog.Logger // told when a file of keys cannot be read again; nil means nobody is
}

// Checker finds out what of a mail its signatures cover. It is safe for concurrent use. A *mailtrust.Checker is one.
type Checker interface {
	// Open reads what Check needs. While it fails no mail is to be read. It may be called again.
	Open() error

	// Check writes what it found out into the events' bodies before they are published. It may take until ctx ends, and says then that
	// it could not tell. raw is the mail as it came, with LF or CRLF; m and events lie in another copy of it, which has LF.
	Check(ctx context.Context, raw []byte, m *mailmsg.Mail, events []debian.Event)
}

// Verdict is what becomes of a mail.
type Verdict int

// The verdicts.
const (
	Nothing    Verdict = iota // it announces nothing: there is nothing to publish, and the mail is done with
	Publish                   // its messages are to be published
	Unreadable                // it passes a limit, or would be too large a message: the sender is to be told, and it is not kept
	Looped                    // it came from the bus, or goes round between servers: the sender is to be told, and it is not kept
)

// Reading is what a mail became.
type Reading struct {
	Verdict  Verdict
	Kind     debian.Kind    // what the mail says; empty for Unreadable and Looped
	Messages []wire.Carried // for Publish, and for nothing else: at least one, with its topic, id and body
	Err      error          // for Unreadable and Looped: why, a *[fedmsg.Error] whose sentence may be shown to the sender
}

// Read reads one mail as it was sent, whose lines end with LF or CRLF; a mailbox's line "From …" may stand before it. The result may lie in
// the bytes of raw, which must not change while it is used. ctx bounds only what the Checker asks of others.
func (r *Reader) Read(ctx context.Context, raw []byte) Reading {
	m, err := mailmsg.Parse(plain(raw), r.Limits)
	if err != nil {
		return Reading{Verdict: Unreadable, Err: err}
	}
	if err := r.loop(m); err != nil {
		return Reading{Verdict: Looped, Err: err}
	}
	kind, events := debian.Classify(m)
	if len(events) == 0 {
		return Reading{Verdict: Nothing, Kind: kind}
	}
	if r.Checker != nil {
		r.Checker.Check(ctx, raw, m, events)
	}
	out := Reading{Verdict: Publish, Kind: kind}
	content := contentSum(m)
	for i, e := range events {
		body, err := r.encode(e.Body)
		if err != nil {
			return Reading{Verdict: Unreadable, Err: err}
		}
		topic := r.topic(e.Topic)
		out.Messages = append(out.Messages, wire.Carried{Topic: topic, ID: messageID(content, topic, i), Body: body})
	}
	return out
}

// open makes the reader ready, before its first mail.
func (r *Reader) open() error {
	if r.Checker == nil {
		return nil
	}
	return r.Checker.Open()
}

// Items makes of what a mail became the items for a source's intake. settled is called once, when all of them are on disk; it is never
// called of a mail of which there are none.
func (r *Reading) Items(settled func()) []receive.Item {
	items := make([]receive.Item, len(r.Messages))
	for i := range r.Messages {
		items[i] = receive.Item{Message: r.Messages[i]}
	}
	if len(items) > 0 {
		items[len(items)-1].Settled = settled // they are settled in order
	}
	return items
}

// topic gives the whole topic of an event.
func (r *Reader) topic(of string) string {
	service := r.Service
	if service == "" {
		service = DefaultService
	}
	return r.TopicPrefix + "." + r.Environment + "." + service + "." + of
}

// loop tells why a mail must not be taken, if so. An answer that a program sent (Auto-Submitted) is no loop: all of Debian's are.
func (r *Reader) loop(m *mailmsg.Mail) error {
	if m.Header.Count(LoopField) > 0 {
		return fedmsg.Errorf(fedmsg.CodeForbidden, "the mail was sent by a message bus (%s), and what it says is there already", LoopField)
	}
	most := r.MaxReceived
	if most == 0 {
		most = defaultReceived
	}
	if n := m.Header.Count("Received"); n > most {
		return fedmsg.Errorf(fedmsg.CodeForbidden, "the mail has passed %s servers, and %d are allowed: it goes round", strconv.Itoa(n), most)
	}
	return nil
}

// encode writes a body as JSON in one line, with letters such as < as they are. It refuses what no door would take, for that would fill
// the dead letters.
func (r *Reader) encode(body any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeBadBody, err, "what was read from a mail cannot be written as JSON")
	}
	out := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	canonical, err := wire.AppendCanonical(nil, out)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeBadBody, err, "what was read from a mail cannot be published")
	}
	most := r.MaxBody
	if most == 0 {
		most = fedmsg.DefaultLimits().Body
	}
	if size := max(len(out), len(canonical)); size > most {
		return nil, fedmsg.Errorf(fedmsg.CodeTooLarge, "the mail would be a message of %d bytes, and %d are allowed (limits.body)", size, most)
	}
	return out, nil
}
