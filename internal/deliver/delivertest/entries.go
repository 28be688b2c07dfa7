package delivertest

import (
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/conform"
)

// entries makes entries of messages; the log gives them their positions.
func entries(messages ...conform.Message) []*fedmsg.Entry {
	list := make([]*fedmsg.Entry, len(messages))
	for i, m := range messages {
		list[i] = &fedmsg.Entry{
			Received: time.Now().UTC(), ID: m.ID, Topic: m.Topic, Sender: "uid:1000", Verdict: fedmsg.VerdictUnsigned, Envelope: m.Envelope,
			Signatures: m.Signatures, Made: true,
		}
	}
	return list
}

// messages is what entries were made of.
func messages(entries []*fedmsg.Entry) []conform.Message {
	list := make([]conform.Message, len(entries))
	for i, e := range entries {
		list[i] = conform.Message{ID: e.ID, Topic: e.Topic, Envelope: e.Envelope, Signatures: e.Signatures}
	}
	return list
}
