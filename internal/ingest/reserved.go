package ingest

import "github.com/federated-messaging/fedmsg"

// reserved refuses what may not be on a topic of redactions, as far as that can be told without its signature: whoever could publish
// there could have the node erase what it likes, whatever else the sender may publish. And it refuses all else where redactions are
// expected.
func (d *Door) reserved(topic string, whole bool) error {
	reserved := d.c.Reserved(topic)
	switch {
	case d.passage.Redacts && !reserved:
		return fedmsg.Errorf(fedmsg.CodeInternal, "the message on %s is no redaction", topic)
	case d.passage.Redacts && (d.c.Signer == nil || !covers(d.c.Signer.Topics(), topic)):
		return fedmsg.Errorf(fedmsg.CodeWrongTopic, "nothing is redacted: a redaction is signed by the node, and this one signs nothing on %s; set sign, and signing.topics to have it in them", topic)
	case !reserved || d.passage.Redacts:
		return nil
	case !whole:
		return fedmsg.Errorf(fedmsg.CodeForbidden, "nobody publishes on %s, which has redactions; an operator of the node redacts a message by `fedmsg redact ID --reason TEXT`", topic)
	case !d.passage.looks():
		return fedmsg.Errorf(fedmsg.CodeForbidden, "the message on %s says what this node is to erase, and it came on a way on which nobody verifies who signed it", topic)
	}
	return nil
}

// errRedacted refuses a message on the id of one that was redacted.
func errRedacted(id string) error {
	return fedmsg.Errorf(fedmsg.CodeRedacted, "the message with id %s is not stored: it was redacted, and its id stays taken", id)
}
