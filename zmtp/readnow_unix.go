//go:build unix

package zmtp

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// nowReader makes single system calls. It lives as long as the connection, so that none of them costs memory.
type nowReader struct {
	raw  syscall.RawConn
	call func(fd uintptr) bool
	b    []byte
	n    int
	err  error
}

// readNow reads what is there, without waiting for anything. The error is for the end of the connection.
func (in *input) readNow(want int) (n int, err error) {
	r := &in.now
	if r.raw == nil {
		sc, ok := in.nc.(syscall.Conn)
		if !ok {
			return 0, nil
		}
		if r.raw, err = sc.SyscallConn(); err != nil {
			return 0, err
		}
		r.call = r.once
	}
	in.makeRoom(want)
	r.b = in.buf[len(in.buf):cap(in.buf)]
	err = r.raw.Read(r.call)
	r.b = nil
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return 0, nil // it was not even tried: a heartbeat is due, of which the next reader hears
	case err != nil:
		return 0, err
	case errors.Is(r.err, syscall.EAGAIN):
		return 0, nil
	case r.err != nil:
		return 0, r.err
	case r.n == 0:
		return 0, io.EOF
	}
	in.took(r.n)
	return r.n, nil
}

// once reads once. It never asks to be called again when something comes.
func (r *nowReader) once(fd uintptr) bool {
	for {
		r.n, r.err = syscall.Read(int(fd), r.b)
		if r.err != syscall.EINTR {
			return true
		}
	}
}
