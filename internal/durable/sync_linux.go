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

// Unreadable reports whether err is that of a device or file system which cannot give bytes that are there: a bad sector, or
// a checksum below that does not hold. Reading elsewhere may succeed, and so may reading again.
func Unreadable(err error) bool {
	for _, e := range [...]syscall.Errno{syscall.EIO, syscall.ENODATA, syscall.EBADMSG, syscall.EUCLEAN, syscall.EILSEQ, syscall.EREMOTEIO, syscall.ETIMEDOUT} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// flock takes the lock or fails at once.
func flock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrLocked
	}
	return os.NewSyscallError("flock", err)
}

// unlock gives the lock up for all who have the open file.
func unlock(f *os.File) error {
	return os.NewSyscallError("flock", syscall.Flock(int(f.Fd()), syscall.LOCK_UN))
}
