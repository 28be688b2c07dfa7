package zmtp

import (
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// bufferedPipe is a connection in memory that takes so many bytes each way before a write waits, like the one of a system. It
// works in a bubble of synctest.
func bufferedPipe(limit int) (net.Conn, net.Conn) {
	there, back := newHalf(limit), newHalf(limit)
	return &pipeConn{in: back, out: there}, &pipeConn{in: there, out: back}
}

// pipeConn is one end of it.
type pipeConn struct{ in, out *half }

func (p *pipeConn) Read(b []byte) (int, error)         { return p.in.read(b) }
func (p *pipeConn) Write(b []byte) (int, error)        { return p.out.write(b) }
func (p *pipeConn) Close() error                       { p.in.close(); p.out.close(); return nil }
func (p *pipeConn) LocalAddr() net.Addr                { return &net.UnixAddr{} }
func (p *pipeConn) RemoteAddr() net.Addr               { return &net.UnixAddr{} }
func (p *pipeConn) SetReadDeadline(t time.Time) error  { return p.in.deadline(&p.in.readUntil, t) }
func (p *pipeConn) SetWriteDeadline(t time.Time) error { return p.out.deadline(&p.out.writeUntil, t) }
func (p *pipeConn) SetDeadline(t time.Time) error {
	p.SetReadDeadline(t)
	return p.SetWriteDeadline(t)
}

// half is one direction.
type half struct {
	limit int

	mu                    sync.Mutex
	change                sync.Cond
	buf                   []byte
	closed                bool
	readUntil, writeUntil time.Time
}

func newHalf(limit int) *half {
	h := &half{limit: limit}
	h.change.L = &h.mu
	return h
}

// await waits until is, and gives why that is in vain. The caller has mu.
func (h *half) await(until *time.Time, is func() bool) error {
	for !h.closed {
		switch {
		case !until.IsZero() && !time.Now().Before(*until):
			return os.ErrDeadlineExceeded
		case is():
			return nil
		case until.IsZero():
			h.change.Wait()
			continue
		}
		timer := time.AfterFunc(time.Until(*until), func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.change.Broadcast()
		})
		h.change.Wait()
		timer.Stop()
	}
	return io.EOF
}

func (h *half) read(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.await(&h.readUntil, func() bool { return len(h.buf) > 0 }); err != nil && len(h.buf) == 0 {
		return 0, err
	}
	n := copy(b, h.buf)
	h.buf = h.buf[n:]
	h.change.Broadcast()
	return n, nil
}

func (h *half) write(b []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(b) > 0 {
		if err := h.await(&h.writeUntil, func() bool { return len(h.buf) < h.limit }); err != nil {
			return n, err
		}
		k := min(len(b), h.limit-len(h.buf))
		h.buf = append(h.buf, b[:k]...)
		b, n = b[k:], n+k
		h.change.Broadcast()
	}
	return n, nil
}

func (h *half) deadline(which *time.Time, t time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	*which = t
	h.change.Broadcast()
	return nil
}

func (h *half) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.change.Broadcast()
}

// pipeListener accepts one side of each pipe that it is given.
type pipeListener struct {
	accept chan net.Conn
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.accept:
		return nc, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// dial makes a connection to the listener.
func (l *pipeListener) dial() net.Conn {
	a, b := bufferedPipe(1 << 20)
	l.accept <- a
	return b
}

// servePipes runs a listener for pipes until the test is over.
func servePipes(t *testing.T, kind SocketType, o Options, handle func(*Conn)) (*Listener, *pipeListener) {
	t.Helper()
	p := &pipeListener{make(chan net.Conn), make(chan struct{})}
	ln := newListener(p, "pipe", func() {}, kind, o.filled())
	done := make(chan error, 1)
	go func() { done <- ln.Serve(handle) }()
	t.Cleanup(func() {
		ln.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln, p
}

// pair makes a connection between two of ours.
func pair(t *testing.T, a, b SocketType, oa, ob Options) (*Conn, *Conn) {
	t.Helper()
	na, nb := bufferedPipe(1 << 20)
	oa, ob = oa.filled(), ob.filled()
	ca, cb := newConn(na, "pipe", a, &oa), newConn(nb, "pipe", b, &ob)
	failed := make(chan error, 1)
	go func() { failed <- ca.handshake(&oa) }()
	if err := cb.handshake(&ob); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ca.Close(); cb.Close() })
	return ca, cb
}
