package zmtp

import "context"

// Listener lets peers in. It makes their handshakes off the accepting goroutine, each in a bounded time and memory.
type Listener struct{}

// Listen binds a URI: tcp://HOST:PORT, where * is every interface and port 0 a free one, or ipc:///PATH (ipc://@NAME without
// a file). A socket's file that nobody listens on is replaced; at Close it is removed.
func Listen(uri string, t SocketType, o Options) (*Listener, error) { panic("not built") }

// URI is what it is bound to, with the port that was found.
func (l *Listener) URI() string { panic("not built") }

// Serve lets peers in until Close, and calls handle for each in a goroutine of its own. The connection ends when handle
// returns. Serve returns when all have, with an error only where the listener broke.
func (l *Listener) Serve(handle func(*Conn)) error { panic("not built") }

// Close stops listening and ends every connection; it does not wait for Serve.
func (l *Listener) Close() error { panic("not built") }

// Dial connects to a URI and makes the handshake; one attempt, no longer than ctx and Options.HandshakeTimeout.
func Dial(ctx context.Context, uri string, t SocketType, o Options) (*Conn, error) {
	panic("not built")
}
