package ingest

import (
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// numberWhole puts a number for old replay clients into an envelope that somebody else made and this node signs, since only
// then it may still change. A number must not be spent on a repetition, so the id is looked for first; where that must wait,
// numberWhole gives the flight to wait for. What cannot have a number passes without: an envelope whose id is that of its
// bytes, and one that has no room for it.
func (d *Door) numberWhole(n *run, r *fedmsg.Record) (stop *flight) {
	if strings.HasPrefix(r.ID, wire.ContentID) {
		return nil
	}
	// Whatever is wrong with the log, or the same already in it, it tells the sender itself.
	if _, found, err := d.c.Log.Find(r.ID); found || err != nil {
		return nil
	}
	if stop = d.recent.find(r.ID); stop != nil && stop != n.waited {
		return stop
	}
	before := d.counter.mark()
	envelope, err := wire.AppendSeqID(nil, r.Envelope, d.c.SeqID+d.counter.seq.take()-1)
	if err != nil || len(envelope)+d.c.Signer.Grows() > d.c.Limits.Envelope {
		d.counter.giveBack(before, d.counter.mark())
		return nil
	}
	// As with what it made from the start, the log must know by which entries to go on counting.
	r.Envelope, r.Made, n.numbered = envelope, true, true
	return nil
}
