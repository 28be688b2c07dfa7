package zmtp

import (
	"fmt"
	"strconv"
)

// RefusedError says that a handshake ended because one side did not want the other.
type RefusedError struct {
	// ByPeer is whether the other side refused this one; else it was this side's authoriser, or a limit.
	ByPeer bool
	// Reason is what the refused one was told. libzmq's authenticators say "300" (try again), "400" (no) or "500" (broken).
	Reason string
	// Err is why this side refused; the other is not told.
	Err error
}

// Error tells who refused and why.
func (e *RefusedError) Error() string {
	if e.ByPeer {
		return "zmtp: the peer refuses this side with the reason " + strconv.Quote(e.Reason)
	}
	return fmt.Sprintf("zmtp: the peer was refused: %v", e.Err)
}

// Unwrap gives Err.
func (e *RefusedError) Unwrap() error { return e.Err }

// notAuthorised is what a peer is told whom the authoriser refuses, and nothing more: the status that ZeroMQ's authentication
// (RFC 27) has for it, which libzmq passes on to whoever watches the socket.
const notAuthorised = "400"

// refuse tells the peer that the authoriser does not want it.
func refuse(io commandIO, why error) error {
	// Whether the peer hears it changes nothing.
	_ = io.writeCommand("ERROR", append([]byte{byte(len(notAuthorised))}, notAuthorised...))
	return &RefusedError{Reason: notAuthorised, Err: why}
}

// refusedByPeer reads the body of an ERROR command.
func refusedByPeer(body []byte) error {
	if len(body) == 0 || len(body) < 1+int(body[0]) {
		return fmt.Errorf("zmtp: an ERROR command of %d bytes, which is too short for its reason", len(body))
	}
	return &RefusedError{ByPeer: true, Reason: string(body[1 : 1+int(body[0])])}
}
