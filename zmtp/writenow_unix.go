//go:build unix

package zmtp

import (
	"errors"
	"syscall"
)

// nowWriter makes single system calls. It lives as long as the connection, so that none of them costs memory.
type nowWriter struct {
	raw  syscall.RawConn
	call func(fd uintptr) bool
	b    []byte
	n    int
	err  error
}

// writeNow writes as much as the system takes at once. The caller has the lock.
func (c *Conn) writeNow(b []byte) (n int, err error) {
	w := &c.out.now
	if w.raw == nil {
		sc, ok := c.nc.(syscall.Conn)
		if !ok {
			return c.writeShortly(b)
		}
		if w.raw, err = sc.SyscallConn(); err != nil {
			return 0, err
		}
		w.call = w.once
	}
	if _, err := c.allowTime(); err != nil {
		return 0, err
	}
	w.b, w.n, w.err = b, 0, nil
	err = w.raw.Write(w.call)
	w.b = nil
	if err == nil && !errors.Is(w.err, syscall.EAGAIN) {
		err = w.err
	}
	return max(w.n, 0), err
}

// once writes once. It never asks to be called again when the connection takes more.
func (w *nowWriter) once(fd uintptr) bool {
	for {
		w.n, w.err = syscall.Write(int(fd), w.b)
		if w.err != syscall.EINTR {
			return true
		}
	}
}
