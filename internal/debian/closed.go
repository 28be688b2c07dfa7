package debian

import (
	"strings"

	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// readClosed reads who closed a bug, in which version, and gives the mail that did it, which the news contains.
func (b *Bug) readClosed(m *mailmsg.Mail) *mailmsg.Mail {
	notice, _ := m.Text(maxText)
	b.readNotice(notice)
	closing := closingMail(m, notice)
	if closing == nil {
		if b.Person == nil || isRobot(*b.Person) {
			b.Person = firstOf(m.Header.Addresses("To"))
		}
		return m
	}
	pseudo := pseudoHeader(closing)
	b.Version = either(version(pseudo["source-version"]), version(pseudo["version"]))
	if _, fixed, ok := strings.Cut(closing.Subject, ": fixed in "); ok && b.Version == "" {
		_, v, _ := strings.Cut(fixed, " ")
		b.Version = version(v)
	}
	b.Person = person(closer(closing, pseudo))
	return closing
}

// readNotice reads the news that the reporter of a bug gets, whose subject is that of the mail that closed it, or of a command.
func (b *Bug) readNotice(notice string) {
	who := false // stands on this line
	for line := range strings.SplitSeq(notice, "\n") {
		if rest, ok := strings.CutPrefix(line, "#"+b.Nb+": "); ok {
			b.Title = strings.TrimSuffix(strings.TrimSpace(rest), ",")
		}
		rest, ok := strings.CutPrefix(line, "It has been closed by ")
		if ok || who {
			b.Person = person(mailmsg.ParseAddress(strings.TrimSuffix(strings.TrimSpace(rest), ".")))
		}
		who = strings.HasSuffix(line, " closed by one of the developers, namely")
	}
}

// closingMail finds the mail that closed the bug among those that the news contains: the one whose id it names, or that the tracker got
// for the closing of bugs. The other one is the report.
func closingMail(m *mailmsg.Mail, notice string) *mailmsg.Mail {
	inside := m.Messages()
	if len(inside) == 0 {
		return nil
	}
	_, id, _ := strings.Cut(notice, "with message-id <")
	id, _, named := strings.Cut(id, ">")
	for _, one := range inside {
		if named && one.MessageID == id {
			return one
		}
	}
	for _, one := range inside {
		if got := one.Header.Text("Received"); strings.Contains(got, "-done) by ") || strings.Contains(got, "-close) by ") {
			return one
		}
	}
	return nil
}

// closer says who closed a bug by a mail: who sent it, or who made the upload where the archive's programs sent it.
func closer(m *mailmsg.Mail, pseudo map[string]string) mailmsg.Address {
	if !isRobot(m.From) {
		return m.From
	}
	if done := mailmsg.ParseAddress(pseudo["done"]); done != (mailmsg.Address{}) {
		return done
	}
	if reply := m.Header.Addresses("Reply-To"); len(reply) == 1 && !isRobot(reply[0]) {
		return reply[0]
	}
	return m.From
}

// isRobot tells whether an address is of the archive's or the bug tracker's programs.
func isRobot(a mailmsg.Address) bool {
	switch strings.ToLower(a.Email) {
	case "ftpmaster@ftp-master.debian.org", "installer@ftp-master.debian.org", "owner@bugs.debian.org":
		return true
	}
	return false
}

// firstOf gives the first one, or nil where there is none.
func firstOf(all []mailmsg.Address) *mailmsg.Address {
	if len(all) == 0 {
		return nil
	}
	return &all[0]
}
