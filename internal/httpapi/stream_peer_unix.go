//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package httpapi

import (
	"net"
	"syscall"
)

// peerClosed reports whether the other side has certainly closed its end, without waiting and without taking what it sent.
// Of a TLS connection it cannot be told; there the second write fails.
func peerClosed(conn net.Conn) bool {
	sc, ok := innermost(conn).(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	closed := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		closed = n == 0 && err == nil || err == syscall.ECONNRESET
		return true
	})
	return closed || err != nil
}
