package deliver

import (
	"context"
	"errors"

	"github.com/federated-messaging/fedmsg"
)

// Sink takes entries to one destination.
type Sink interface {
	// Open connects, and gives a session that tells answers what becomes of each entry. Any error is tried again: a destination
	// that is not there, or refuses the login, may be mended at any time. Open returns soon after ctx has ended. Behind a success ctx
	// lives on until the session is closed; it ends before Close where there is no more time for what is under way.
	Open(ctx context.Context, answers *Answers) (Session, error)
}

// Session is one connection to the destination. One goroutine at a time calls its methods.
type Session interface {
	// Send hands over the next entry, which the session may keep in a buffer until Flush and which nobody changes. It may be called
	// again before earlier entries are answered, as often as the sink's in_flight allows. It may block for as long as the
	// destination takes nothing; it returns soon after ctx has ended. An error made by Permanent is the answer for this entry;
	// any other is the end of the session, made by NotNow or not: see Answers.Lost.
	Send(ctx context.Context, e *fedmsg.Entry) error
	// Flush sends what is in buffers: it is called when there is nothing more to send for now.
	Flush(ctx context.Context) error
	// Close ends the session and waits for its goroutines. What is not answered may have been delivered or not; answers that come
	// before Close has returned still count. Nothing is told to answers behind it.
	Close() error
}

// Permanent marks err as one that another attempt with the same entry will have too: the entry goes to the dead letters. Its
// text is shown to people: a sentence with the cure where it is known.
func Permanent(err error) error { return &permanent{err} }

type permanent struct{ error }

func (p *permanent) Unwrap() error { return p.error }

// IsPermanent reports whether err was marked by Permanent.
func IsPermanent(err error) bool {
	_, ok := errors.AsType[*permanent](err)
	return ok
}

// NotNow marks err as what the destination said of itself: that it takes nothing now, and no entry is at fault: its disk is full, it
// is busy or stopping, it knows the login no more. Given to Answers.Done, to Answers.Lost or by Send it ends the session like any
// other error, and counts no attempt of an entry and no suspicion against one, however often it comes: what is sent waits until the
// destination takes it. So it must be sure: an entry that makes the destination say so would hold all behind it back for ever.
func NotNow(err error) error { return &notNow{err} }

type notNow struct{ error }

func (n *notNow) Unwrap() error { return n.error }

// IsNotNow reports whether err was marked by NotNow.
func IsNotNow(err error) bool {
	_, ok := errors.AsType[*notNow](err)
	return ok
}
