package ingest

import (
	"bytes"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// known settles a refused envelope that a source brought and that is in the log to the byte: it is a repetition. What a node
// sends on comes back to it wherever buses form a ring, and this entrance may ask for more than the one through which it came first.
// Other senders are not told what they may not publish.
func (b *batch) known(line int, whole bool, e *wire.Envelope) bool {
	if !whole || b.from.Kind != fedmsg.SenderSource || e.ID == "" {
		return false
	}
	stored, found, err := b.door.c.Log.Find(e.ID)
	if err != nil || !found || !bytes.Equal(stored.Envelope, e.Bytes) {
		return false
	}
	b.decide(line, duplicateOf(&stored))
	return true
}

// duplicateOf is the outcome of a repetition of a stored entry.
func duplicateOf(e *fedmsg.Entry) fedmsg.Outcome {
	return fedmsg.Outcome{Receipt: fedmsg.Receipt{
		ID: e.ID, Position: e.Position, Seq: e.Position.Seq, Received: e.Received, Duplicate: true}}
}
