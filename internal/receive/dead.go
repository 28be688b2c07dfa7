package receive

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// letter makes a dead letter of a message.
func (r *runner) letter(m *wire.Carried, why error) *deadletter.Letter {
	code, reason := fedmsg.Public(why)
	return &deadletter.Letter{
		Of: r.c.Name, Kind: deadletter.KindSource, Time: time.Now().UTC(), Code: code, Reason: reason, Attempts: 1,
		Topic: m.Topic, ID: m.ID, Username: m.Username, Headers: m.Headers, Body: m.Body,
		Envelope: m.Envelope, Signatures: m.Signatures, Origin: m.Origin,
	}
}

// message is what came, of a letter.
func message(l *deadletter.Letter) wire.Carried {
	return wire.Carried{
		Envelope: l.Envelope, Signatures: l.Signatures, Origin: l.Origin,
		Topic: l.Topic, ID: l.ID, Username: l.Username, Headers: l.Headers, Body: l.Body,
	}
}

// bury gives a letter to the dead letters. One that came again, because the other side was not told in time, is there already; one of
// what was redacted is kept nowhere. Who redacts asks for the letters behind it, and finds what was added before.
func (r *runner) bury(l *deadletter.Letter) error {
	r.burying.Lock()
	defer r.burying.Unlock()
	if r.isRedacted(l) {
		r.leaveOut()
		return nil
	}
	sum := sumOf(l)
	number, again := r.find(sum)
	if again {
		if _, err := r.dead.Get(number); err != nil { // it was looked at meanwhile
			again = false
		}
	}
	if !again {
		var err error
		if number, err = r.dead.Add(*l); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.received++
	r.state.refused++
	r.fault(errors.New(l.Reason))
	r.buried.put(sum, number)
	return nil
}

// isRedacted reports whether the message of a letter was redacted. It is known by its id, which may stand in the envelope alone.
func (r *runner) isRedacted(l *deadletter.Letter) bool {
	if r.redacted == nil {
		return false
	}
	if l.ID != "" && r.redacted(l.ID) {
		return true
	}
	d := wire.Decoder{Limits: fedmsg.DefaultLimits()}
	e, err := d.Envelope(l.Envelope, wire.Old)
	return err == nil && e.ID != "" && r.redacted(e.ID)
}

// passOver counts a message that is too old for this node, whose log may have had it and forgotten it.
func (r *runner) passOver(why error) {
	_, reason := fedmsg.Public(why)
	r.mu.Lock()
	r.state.received++
	r.state.tooOld++
	r.state.passed = time.Now()
	r.fault(errors.New(reason))
	r.mu.Unlock()
	r.remark("a message is passed over as too old: " + reason)
}

// leaveOut counts a message that was redacted before it came: its contents must not be kept.
func (r *runner) leaveOut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.received++
	r.state.redacted++
}

func (r *runner) find(sum [sha256.Size]byte) (uint64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	number, ok := r.buried.numbers[sum]
	return number, ok
}

// isFull reports whether an error is that of dead letters which are at their limit.
func isFull(err error) bool { return errors.Is(err, deadletter.ErrFull) }

// sumOf is the same for what came twice.
func sumOf(l *deadletter.Letter) [sha256.Size]byte {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(l.Topic), []byte(l.ID), []byte(l.Username), l.Headers, l.Body, l.Envelope, l.Signatures} {
		size := sha256.Sum256(part) // so that no part can pass for two
		h.Write(size[:])
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// maxBuried bounds what buried remembers.
const maxBuried = 256

// buried remembers the newest dead letters.
type buried struct {
	numbers map[[sha256.Size]byte]uint64
	order   [][sha256.Size]byte
}

func (b *buried) put(sum [sha256.Size]byte, number uint64) {
	if b.numbers == nil {
		b.numbers = make(map[[sha256.Size]byte]uint64)
	}
	if _, known := b.numbers[sum]; !known {
		if b.order = append(b.order, sum); len(b.order) > maxBuried {
			delete(b.numbers, b.order[0])
			b.order = b.order[1:]
		}
	}
	b.numbers[sum] = number
}

// retry puts a letter through the door again.
func (r *runner) retry(ctx context.Context, number uint64) error {
	l, err := r.dead.Get(number)
	if err != nil {
		return err
	}
	if l.Clipped {
		return fedmsg.Errorf(fedmsg.CodeTooLarge, "dead letter %d of source %s cannot be tried again: what it held was too large to be kept; drop it", number, r.c.Name)
	}
	outcomes, err := r.submit(ctx, []wire.Carried{message(&l)}).Wait(ctx)
	if err == nil {
		err = outcomes[0].Err
	}
	if err == nil {
		return r.dead.Remove(number)
	}
	if fedmsg.CodeOf(err) == fedmsg.CodeRedacted {
		return errors.Join(err, r.dead.Remove(number))
	}
	if !again(err) {
		l.Attempts++
		l.Code, l.Reason = fedmsg.Public(err)
		if putErr := r.dead.Put(l); putErr != nil {
			return errors.Join(err, putErr)
		}
	}
	return err
}
