package durabletest

import (
	"errors"
	"io"
	"io/fs"
	"syscall"
)

// file is one open file of a Disk.
type file struct {
	disk     *Disk
	name     string
	inode    *inode
	readOnly bool
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	data := f.inode.data
	if off >= int64(len(data)) {
		return 0, io.EOF
	}
	if from, ok := f.inode.badFrom(off, min(off+int64(len(p)), int64(len(data)))); ok {
		return copy(p, data[off:from]), &fs.PathError{Op: "read", Path: f.name, Err: syscall.EIO}
	}
	n := copy(p, data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.change(OpWrite, func() error {
		n = len(p)
		var full error
		if d := f.disk; d.space > 0 {
			if room := d.space - d.used + int64(len(f.inode.data)) - off; int64(n) > room {
				n, full = int(max(0, room)), &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
			}
		}
		before := len(f.inode.data)
		f.inode.data = resize(f.inode.data, max(int64(before), off+int64(n)))
		copy(f.inode.data[off:], p[:n])
		f.disk.used += int64(len(f.inode.data) - before)
		f.inode.writes = append(f.inode.writes, write{off, append([]byte{}, p[:n]...)})
		return full
	})
	return n, err
}

func (f *file) Truncate(size int64) error {
	return f.change(OpTruncate, func() error {
		f.disk.used += size - int64(len(f.inode.data))
		f.inode.data = resize(f.inode.data, size)
		f.inode.writes = append(f.inode.writes, write{off: size})
		return nil
	})
}

// Sync makes durable what was written since the last one. One that fails with EIO forgets what was to be written: it is read
// back until the machine stops, is never on the medium, and a later Sync succeeds. That is what Linux does.
func (f *file) Sync() error {
	err := f.disk.do(OpSync, f.name, func() error {
		for _, w := range f.inode.writes {
			f.inode.kept = w.apply(f.inode.kept)
		}
		f.inode.writes = nil
		return nil
	})
	if errors.Is(err, syscall.EIO) {
		f.disk.mu.Lock()
		defer f.disk.mu.Unlock()
		f.inode.writes = nil
	}
	return err
}

func (f *file) change(op Op, run func() error) error {
	if f.readOnly {
		return &fs.PathError{Op: string(op), Path: f.name, Err: fs.ErrPermission}
	}
	return f.disk.do(op, f.name, run)
}

func (f *file) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	return int64(len(f.inode.data)), nil
}

func (f *file) Close() error { return nil }
