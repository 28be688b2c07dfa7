// Package mailmsg takes a mail apart.
//
// It promises to read whatever was sent: mail is older than its rules, so what is broken is passed over and only what passes a limit
// is refused. All text that it gives is UTF-8, and text of a header is one line, so that nothing in it can become a header, a line of
// a log or a command elsewhere. It decides nothing: who may be believed is for others to say. What it gives lies in the bytes that
// it was given, which must not change while it is used; contents are decoded when they are asked for, up to a size that the
// caller names. It is safe for concurrent use.
package mailmsg

import (
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Limits bounds what a mail may make the reader do. Zero fields stand for the values behind them.
type Limits struct {
	Bytes  int // of the whole mail: 20 MiB
	Header int // bytes of one header, of the mail or of a part: 256 KiB
	Fields int // of all headers together: 10,000
	Parts  int // of the mail and of the mails in it: 1,000
	Depth  int // of parts in parts: 20
}

// withDefaults fills what is zero.
func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		value    *int
		standard int
	}{{&l.Bytes, 20 << 20}, {&l.Header, 256 << 10}, {&l.Fields, 10_000}, {&l.Parts, 1000}, {&l.Depth, 20}} {
		if *f.value == 0 {
			*f.value = f.standard
		}
	}
	return l
}

// Mail is a mail, or one that another mail contains.
type Mail struct {
	Header        Header
	Subject       string
	From          Address // zero when nobody is named, or AmbiguousFrom
	AmbiguousFrom bool    // two From fields, or two addresses in one: programs disagree about who that is
	MessageID     string  // without its angle brackets, also when it breaks the rules; empty without one
	InReplyTo     []string
	References    []string // the oldest first, at most 100
	ListID        string   // of the mailing list that passed it on, such as debian-devel.lists.debian.org
	Date          time.Time
	Body          *Part
}

// Parse reads a mail, whose lines end with LF or CRLF. It fails only with [fedmsg.CodeTooLarge], where a limit was passed.
func Parse(raw []byte, limits Limits) (*Mail, error) {
	p := parser{limits: limits.withDefaults()}
	if len(raw) > p.limits.Bytes {
		return nil, tooLarge("it has %d bytes, and %d are allowed", len(raw), p.limits.Bytes)
	}
	return p.mail(raw, 0)
}

// tooLarge says which limit was passed.
func tooLarge(format string, args ...any) error {
	return fedmsg.WrapError(fedmsg.CodeTooLarge, fedmsg.Errorf(fedmsg.CodeTooLarge, format, args...), "cannot read a mail")
}

// parser counts what all parts of one mail take together.
type parser struct {
	limits        Limits
	fields, parts int
}

// mail reads a mail that is depth parts deep in another one.
func (p *parser) mail(raw []byte, depth int) (*Mail, error) {
	body, err := p.part(raw, "text/plain", depth)
	if err != nil {
		return nil, err
	}
	h := body.Header
	m := &Mail{
		Header:     h,
		Subject:    h.Text("Subject"),
		MessageID:  oneID(h.Text("Message-Id")),
		InReplyTo:  ids(h.Text("In-Reply-To")),
		References: ids(h.Text("References")),
		ListID:     listID(h),
		Date:       date(h.Text("Date")),
		Body:       body,
	}
	from := h.Addresses("From")
	switch {
	case h.Count("From") > 1 || len(from) > 1:
		m.AmbiguousFrom = true
	case len(from) == 1:
		m.From = from[0]
	}
	return m, nil
}

// Leaves gives the parts that have no parts, in order. It does not go into mails that this one contains.
func (m *Mail) Leaves() []*Part { return m.Body.leaves(nil) }

// Messages gives the mails that this one contains, in order, without those that they contain.
func (m *Mail) Messages() []*Mail {
	var all []*Mail
	for _, leaf := range m.Leaves() {
		if leaf.Message != nil {
			all = append(all, leaf.Message)
		}
	}
	return all
}

// Text gives the first part that is plain text and not a file, up to max bytes: what the sender wrote. whole is false where there was
// more. Without such a part it is empty.
func (m *Mail) Text(max int) (text string, whole bool) {
	for _, leaf := range m.Leaves() {
		if leaf.Type == "text/plain" && !leaf.Attached {
			return leaf.Text(max)
		}
	}
	return "", true
}
