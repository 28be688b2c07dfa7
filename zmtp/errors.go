package zmtp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
)

// ErrClosed is what calls give after Close.
var ErrClosed = errors.New("zmtp: closed")

// ErrNoPeer says that the one to send to is not connected.
var ErrNoPeer = errors.New("zmtp: no such peer")

// ErrRefused is in the error of a peer that was turned away by the authoriser or by a limit, or that turned this side away.
var ErrRefused = errors.New("refused")

// ErrProtocol is in the error of a peer that breaks the protocol or a limit of it.
var ErrProtocol = errors.New("broken protocol")

// errWordless is in the error of a peer that went before it said anything, as those do that look whether somebody listens.
var errWordless = errors.New("the peer went before it said anything")

// wordless says of an error before the peer's first byte that the peer went, unless it was this side that gave up.
func wordless(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
		return err
	}
	return fmt.Errorf("%w: %w", errWordless, networkError(err))
}

// protocolError makes an error that has ErrProtocol in it.
func protocolError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrProtocol, fmt.Sprintf(format, args...))
}

// refused makes an error that has ErrRefused in it.
func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// networkError says in few words what became of a connection; the end of it is not one of the system's errors.
func networkError(err error) error {
	if err == io.EOF { // one that is wrapped has words of its own
		return fmt.Errorf("the peer closed the connection: %w", io.EOF)
	}
	// The addresses stand in the error already.
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}
