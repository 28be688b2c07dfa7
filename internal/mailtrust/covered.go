package mailtrust

import (
	"io"
	"mime"
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"

	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// The parts of a body that a signature can be over.
const (
	bodyWhole = "whole"
	bodyPart  = "part" // the beginning (l=): what is behind it may be anybody's
	bodyNone  = "none" // what it means is not signed
)

// published are the fields, in lower case, that something of a message is made of.
func published() []string {
	return []string{
		"from", "sender", "reply-to", "to", "subject", "date", "message-id", "in-reply-to", "references", "resent-from", "received",
		"list-id", "x-mailing-list", "debian-source", "debian-version", "debian-architecture", "x-debian", "x-dak", "x-katie",
		"x-debian-package", "x-debian-pr-message", "x-debian-pr-package", "x-debian-pr-source", "x-debian-pr-keywords",
	}
}

// covered gives the fields that stand under a good signature, all of their name, and how much of the body does.
func (x *message) covered(s *signature, m *mailmsg.Mail) (names []string, body string) {
	for _, name := range published() {
		n := x.count(name)
		// verification: dkim-one-from (TestDoubleFrom)
		if name == "from" && (n != 1 || m.AmbiguousFrom) {
			continue
		}
		if n > 0 && x.all(s, name) && x.legible(s, name) {
			names = append(names, name)
		}
	}
	switch {
	// verification: dkim-length-covers-nothing (TestLength)
	case s.length >= 0:
		body = bodyPart
	// verification: dkim-body-meaning (TestBodyMeaning)
	case !x.all(s, "content-type") || !x.all(s, "content-transfer-encoding") || !x.all(s, "content-disposition"):
		body = bodyNone
	default:
		body = bodyWhole
	}
	return names, body
}

// all tells whether a signature is over all fields of a name and they are read whole, also when there is none. Where a field is cut
// when it is read, that is far behind maxField.
func (x *message) all(s *signature, name string) bool {
	for i := range x.fields {
		// verification: dkim-long-field (TestFieldsReadOtherwise)
		if f := &x.fields[i]; f.name == name && len(f.raw) > maxField {
			return false
		}
	}
	signed := 0
	for _, n := range s.names {
		if n == name {
			signed++
		}
	}
	// verification: dkim-all-of-a-name (TestReplay)
	return signed >= x.count(name)
}

// legible tells whether the fields of a name are read as they were signed: what is not UTF-8 is read in the charset of the body.
func (x *message) legible(s *signature, name string) bool {
	for i := range x.fields {
		// verification: dkim-charset (TestFieldsReadOtherwise)
		if f := &x.fields[i]; f.name == name && !utf8.Valid(f.raw) && !x.all(s, "content-type") {
			return false
		}
	}
	return true
}

// aligned tells whether the domain that signed is that of the only sender: the same, or both below the same domain that somebody
// registered.
func (x *message) aligned(s *signature, m *mailmsg.Mail) bool {
	i := slices.IndexFunc(x.fields, func(f field) bool { return f.name == "from" })
	if i < 0 {
		return false
	}
	words := &mime.WordDecoder{CharsetReader: func(_ string, r io.Reader) (io.Reader, error) { return r, nil }}
	one, err := (&mail.AddressParser{WordDecoder: words}).Parse(strings.Join(strings.Fields(string(x.fields[i].value())), " "))
	// verification: dkim-plain-from (TestAligned)
	if err != nil || one.Address != m.From.Email {
		return false // programs could take different addresses for the sender's; of two senders m has none
	}
	domain := strings.ToLower(one.Address[strings.LastIndexByte(one.Address, '@')+1:])
	if domain == s.domain {
		return true
	}
	of, err := publicsuffix.EffectiveTLDPlusOne(domain)
	with, err2 := publicsuffix.EffectiveTLDPlusOne(s.domain)
	// verification: dkim-aligned (TestAligned)
	return err == nil && err2 == nil && of == with
}
