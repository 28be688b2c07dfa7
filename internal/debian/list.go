package debian

import "github.com/federated-messaging/fedmsg/internal/mailmsg"

// Message is a mail of a mailing list, without what it says.
type Message struct {
	List       string           `json:"list"` // its List-Id
	From       string           `json:"from"`
	Person     *mailmsg.Address `json:"person,omitempty"`
	Subject    string           `json:"subject"`
	Thread     string           `json:"thread,omitempty"` // the id of the first mail of the thread
	InReplyTo  []string         `json:"in_reply_to,omitempty"`
	References []string         `json:"references,omitempty"`
	Mail       Source           `json:"mail"`
}

// message describes a mail of a list.
func message(m *mailmsg.Mail) *Message {
	thread := m.MessageID
	switch {
	case len(m.References) > 0:
		thread = m.References[0]
	case len(m.InReplyTo) > 0:
		thread = m.InReplyTo[0]
	}
	return &Message{
		List: m.ListID, From: sender(m), Person: person(m.From), Subject: cut(m.Subject, maxText),
		Thread: thread, InReplyTo: m.InReplyTo, References: m.References, Mail: source(m),
	}
}
