package deliver

import (
	"context"
	"errors"

	"github.com/federated-messaging/fedmsg"
)

// Sink takes entries to one destination.
type Sink interface {
	// Open connects, and gives a session that tells answers what becomes of each entry. Any error is tried again: a destination
	// that is not there, or refuses the login, may be mended at any time. Open returns soon after ctx has ended.
	Open(ctx context.Context, answers *Answers) (Session, error)
}

// Session is one connection to the destination. One goroutine at a time calls its methods.
type Session interface {
	// Send hands over the next entry, which the session may keep in a buffer until Flush and which nobody changes. It may be called
	// again before earlier entries are answered, as often as the sink's in_flight allows. It may block for as long as the
	// destination takes nothing; it returns soon after ctx has ended. An error made by Permanent is the answer for this entry;
	// any other is the end of the session: see Answers.Lost.
	Send(ctx context.Context, e *fedmsg.Entry) error
	// Flush sends what is in buffers: it is called when there is nothing more to send for now.
	Flush(ctx context.Context) error
	// Close ends the session and waits for its goroutines. What is not answered may have been delivered or not. Nothing is told to
	// answers behind it.
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

// Deliverer is a destination that takes one entry at a time and keeps no connection.
type Deliverer interface {
	// Deliver must be safe to call again with the same entry: the place is saved after it returns, and a crash between the two
	// repeats the call. An error made by Permanent gives the entry up; any other is tried again. Several goroutines may call it.
	Deliver(ctx context.Context, e *fedmsg.Entry) error
}

// Each makes a Sink of a Deliverer, with at most that many calls at once. Above one, order is not kept.
func Each(d Deliverer, concurrency int) Sink { panic("not built") }

// Answers is where a session tells what became of the entries. All methods may be called by any goroutine and return at once.
type Answers struct{}

// Done tells the fate of the entry with this number: nil is delivered, Permanent gives it up, any other error has it tried again
// in another session, with all behind it that is not answered yet.
func (a *Answers) Done(seq uint64, err error) { panic("not built") }

// DoneThrough tells that all entries sent up to and including this one, which are not answered yet, are delivered.
func (a *Answers) DoneThrough(seq uint64) { panic("not built") }

// Remark tells something about an entry that is delivered and that its publisher or an operator should know: that nobody is bound
// to its topic. It is counted, logged with restraint, and shown with the message.
func (a *Answers) Remark(seq uint64, text string) { panic("not built") }

// Lost tells that the session is over without anybody's fault being known. What is not answered is tried again in another one.
func (a *Answers) Lost(err error) { panic("not built") }
