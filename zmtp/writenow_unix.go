//go:build unix

package zmtp

import (
	"errors"
	"syscall"
)

// writeNow writes as much as the system takes at once. The caller has the lock.
func (c *Conn) writeNow(b []byte) (n int, err error) {
	sc, ok := c.nc.(syscall.Conn)
	if !ok {
		return c.writeShortly(b)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, err
	}
	if _, err := c.allowTime(); err != nil {
		return 0, err
	}
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		for {
			n, failed = syscall.Write(int(fd), b)
			if failed != syscall.EINTR {
				return true
			}
		}
	})
	if err == nil {
		err = failed
	}
	if errors.Is(err, syscall.EAGAIN) {
		err = nil
	}
	return max(n, 0), err
}
