package durable

import (
	"errors"
	"os"
	"syscall"
)

// dataSync makes bytes and length durable. fdatasync leaves out the times, which nobody needs back after a crash, and so
// saves a write of the inode where the length did not change.
func dataSync(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = conn.Control(func(fd uintptr) {
		for {
			inner = syscall.Fdatasync(int(fd))
			if inner != syscall.EINTR {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("fdatasync", inner)
}

// flock takes the lock or fails at once.
func flock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	return os.NewSyscallError("flock", err)
}
