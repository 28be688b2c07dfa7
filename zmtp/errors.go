package zmtp

import (
	"errors"
	"fmt"
	"io"
	"net"
)

// ErrClosed is what calls give after Close.
var ErrClosed = errors.New("zmtp: closed")

// ErrNoPeer says that the one to send to is not connected.
var ErrNoPeer = errors.New("zmtp: no such peer")

// ErrRefused is in the error of a peer that was turned away by the authoriser or by a limit, or that turned this side away.
var ErrRefused = errors.New("refused")

// ErrProtocol is in the error of a peer that breaks the protocol or a limit of it.
var ErrProtocol = errors.New("broken protocol")

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
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the peer closed the connection: %w", io.EOF)
	}
	// The addresses stand in the error already.
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}
