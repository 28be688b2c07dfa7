// Package debian says what a mail of Debian's services announces: an upload to the archive, a bug report, commands to the bug tracker.
//
// It promises one answer for each mail, that does not depend on time or on other mails, and to publish nothing of what it does not
// know. It believes every mail: whether the sender is who they say, and whether the signature of an upload is good, is for others to
// find out before. Fields that were read from a signed text come with that text. It is pure and safe for concurrent use.
package debian

import (
	"time"

	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// Kind is what a mail says. Kinds are only ever added.
type Kind string

// The kinds. Those of [Reply] and [Other] announce nothing.
const (
	Accepted   Kind = "accepted"   // the archive took an upload
	New        Kind = "new"        // an upload waits for the archive's administrators
	Rejected   Kind = "rejected"   // the archive refused an upload
	Processing Kind = "processing" // the upload queue has an upload, or gave it up
	Removed    Kind = "removed"    // packages were removed from a suite
	Archive    Kind = "archive"    // anything else that the archive's programs tell
	Report     Kind = "report"     // a new bug
	Followup   Kind = "followup"   // a mail to a bug
	Closed     Kind = "closed"     // a bug was marked as done
	Forwarded  Kind = "forwarded"  // a bug was passed on to the authors of the program
	Transcript Kind = "transcript" // what the bug tracker did with commands
	Reply      Kind = "reply"      // the bug tracker answers whoever wrote to it
	List       Kind = "list"       // any other mail of a mailing list
	Other      Kind = "other"      // any other mail
)

// Topic gives the last words of the topic of what a kind announces, which follow on PREFIX.ENVIRONMENT.SERVICE; empty where it announces
// nothing.
func (k Kind) Topic() string {
	switch k {
	case Accepted:
		return "package.upload"
	case New, Rejected, Processing, Removed, Archive:
		return "package." + string(k)
	case Report, Followup, Closed, Forwarded:
		return "bug." + string(k)
	case Transcript:
		return "bug.control"
	case List:
		return "mailinglist.message"
	}
	return ""
}

// Topics lists what [Kind.Topic] can give, each once.
func Topics() (all []string) {
	for _, k := range []Kind{Accepted, New, Rejected, Processing, Removed, Archive, Report, Followup, Closed, Forwarded, Transcript, List} {
		all = append(all, k.Topic())
	}
	return all
}

// Event is one message to publish.
type Event struct {
	Topic  string          // as [Kind.Topic] gives it
	Body   Body            // an *Upload, *Bug, *Control or *Message
	Signed *mailmsg.Signed // the text that the fields of a .changes were read from; nil when it is not signed
}

// Limits of what is published of one mail, in bytes unless said otherwise. Where a text is cut, the event says so.
const (
	maxContent = 64 << 10  // of what somebody wrote, and of each patch
	maxPatches = 192 << 10 // of all patches
	maxText    = 16 << 10  // of what a program says
	maxScript  = 256 << 10 // of a transcript
	maxChanges = 1 << 20   // of a part that a .changes is looked for in
	maxNames   = 2000      // packages, bugs or commands
)

// Classify says what a mail announces, today one event at most. The mail must not change while they are used.
func Classify(m *mailmsg.Mail) (Kind, []Event) {
	h := m.Header
	switch {
	case h.Count("X-Debian-PR-Message") > 0:
		return bugMail(m)
	case h.Count("X-Dak") > 0 || h.Count("X-Katie") > 0 || h.Text("X-Debian") == "DAK":
		kind, e := archiveMail(m)
		return kind, []Event{e}
	case m.ListID != "":
		return List, []Event{{Topic: List.Topic(), Body: message(m)}}
	}
	return Other, nil
}

// Source is the mail that an event was read from.
type Source struct {
	MessageID string     `json:"message_id,omitempty"`
	Subject   string     `json:"subject"`
	Date      *time.Time `json:"date,omitempty"` // as the sender claims it, in UTC
	List      string     `json:"list,omitempty"` // the List-Id it came by
	Statements
}

// source describes a mail.
func source(m *mailmsg.Mail) Source {
	s := Source{MessageID: m.MessageID, Subject: cut(m.Subject, maxText), List: m.ListID}
	if y := m.Date.Year(); y >= 1970 && y <= 9999 {
		s.Date = &m.Date
	}
	return s
}

// sender is who a mail says it is from, as written; empty where nobody can be told from it.
func sender(m *mailmsg.Mail) string {
	if m.AmbiguousFrom {
		return ""
	}
	return cut(m.Header.Text("From"), maxText)
}

// person is somebody, or nil when nobody is named.
func person(a mailmsg.Address) *mailmsg.Address {
	if a == (mailmsg.Address{}) {
		return nil
	}
	return &a
}
