package receive

import (
	"context"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// Source brings messages from one place.
type Source interface {
	// Run connects and hands what comes to in, until ctx ends or the connection is lost; then it returns, with the reason, when all
	// its goroutines have ended. It is called again. It returns soon after ctx has ended. It calls in.Connected when it has what
	// it needs to receive.
	Run(ctx context.Context, in *Intake) error
}

// Item is one message that came.
type Item struct {
	Message wire.Carried
	// Bad tells why the message could not even be read, as a *fedmsg.Error; nil if it could. Such a message goes to the dead
	// letters as far as Message holds it.
	Bad error
	// Settled is called once, in the order of Submit, when the message is on disk: in the log (or it had been before), or with the
	// dead letters. It is not called for a message that is neither when the session ends: the other side will bring it again.
	// It must not block for long. Nil is allowed.
	Settled func()
}

// Door is the way into the log. *ingest.Door is one.
type Door interface {
	// SubmitCarried fixes the order of the messages and gives a ticket with one outcome for each; refusals are outcomes. It may block
	// while too much waits to become durable, until ctx ends. The messages belong to the caller again when it returns.
	SubmitCarried(ctx context.Context, from fedmsg.Sender, messages ...wire.Carried) fedmsg.Ticket
}
