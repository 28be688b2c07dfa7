package zeromq

import "github.com/federated-messaging/fedmsg"

// encoder makes chunks for one socket.
type encoder struct {
	format format
	scope  []fedmsg.Pattern           // entries on other topics do not exist here
	omit   func(*fedmsg.Entry, error) // is told of what cannot be said in the format
	made   func(*fedmsg.Entry)        // is told of what was encoded
}

// wants reports whether the entry exists for the socket. The protocol has no way to say that one was redacted.
func (n *encoder) wants(e *fedmsg.Entry) bool { return !e.Redacted && covers(n.scope, e.Topic) }

// add encodes an entry behind the others of the chunk.
func (n *encoder) add(c *chunk, e *fedmsg.Entry) {
	at := len(c.messages)
	b, err := n.format.appendEntry(c.messages, e)
	if err != nil {
		n.omit(e, err)
		return
	}
	n.made(e)
	topic := at + 2 // behind the flags and the length of one byte
	if len(e.Topic) > 255 {
		topic = at + 9
	}
	c.messages = b
	c.marks = append(c.marks, mark{seq: e.Position.Seq, at: uint32(at), topic: uint32(topic), end: uint32(topic + len(e.Topic))})
}

// covers reports whether a pattern matches the topic.
func covers(scope []fedmsg.Pattern, topic string) bool {
	for i := range scope {
		if scope[i].Match(topic) {
			return true
		}
	}
	return false
}
