package client

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// reason is the sentence by which a publisher is told of cause, which may be nil: that of the coded error in it.
func reason(cause error) string {
	if e, ok := errors.AsType[*fedmsg.Error](cause); ok {
		return e.Message
	}
	switch {
	case cause == nil:
		return "what was published before waits there and goes first"
	case timedOut(cause):
		return "the node did not answer in time"
	}
	return "the connection to the node broke"
}

// timedOut reports whether err says that a time was over.
func timedOut(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// noAnswer says that a node was silent for a time. Whether a message was sent before is for the caller to say.
func noAnswer(silent time.Duration, inside error) error {
	return fedmsg.WrapError(fedmsg.CodeUnavailable, inside, "the node did not answer within %s; see whether it hangs, or give it more time", round(silent))
}

// round leaves of a time what people want to read.
func round(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return max(d.Round(10*time.Millisecond), time.Millisecond)
}

// lost says why the answer to a request that was under way since then did not come.
func lost(since time.Time, err error) error {
	if timedOut(err) {
		return noAnswer(time.Since(since), err)
	}
	return fedmsg.WrapError(fedmsg.CodeUnavailable, err, "the node closed the connection without an answer")
}

// misnamed gives the name that no host has, if that is why nobody answers.
func misnamed(cause error) string {
	if e, ok := errors.AsType[*net.DNSError](cause); ok && e.IsNotFound {
		return e.Name
	}
	return ""
}
