package durabletest

import (
	"io"
	"io/fs"
	"sync/atomic"

	"github.com/federated-messaging/fedmsg/internal/durable"
)

// Layer is a file system with hooks around the operations of another one, for tests on the real one: a hook may fail an
// operation, or end the process. Its methods may be called by any number of goroutines, and then so are the hooks.
type Layer struct {
	FS     durable.FS
	Before Hook // may be nil; the operation is not done if it fails
	After  Hook // may be nil; called when the operation was done

	n atomic.Int64
}

var _ durable.FS = (*Layer)(nil)

func (l *Layer) do(op Op, name string, run func() error) error {
	n := int(l.n.Add(1))
	if l.Before != nil {
		if err := l.Before(n, op, name); err != nil {
			return err
		}
	}
	if err := run(); err != nil {
		return err
	}
	if l.After != nil {
		return l.After(n, op, name)
	}
	return nil
}

// Create makes a new file.
func (l *Layer) Create(name string, perm fs.FileMode) (f durable.File, err error) {
	err = l.do(OpCreate, name, func() error {
		f, err = l.FS.Create(name, perm)
		return err
	})
	if err != nil {
		return nil, err
	}
	return layerFile{f, l, name}, nil
}

// Open opens an existing file.
func (l *Layer) Open(name string, readOnly bool) (durable.File, error) {
	f, err := l.FS.Open(name, readOnly)
	if err != nil {
		return nil, err
	}
	return layerFile{f, l, name}, nil
}

// Rename moves a file.
func (l *Layer) Rename(from, to string) error {
	return l.do(OpRename, to, func() error { return l.FS.Rename(from, to) })
}

// Remove removes a file.
func (l *Layer) Remove(name string) error {
	return l.do(OpRemove, name, func() error { return l.FS.Remove(name) })
}

// Mkdir makes a directory.
func (l *Layer) Mkdir(dir string, perm fs.FileMode) error { return l.FS.Mkdir(dir, perm) }

// List gives the sorted names in dir.
func (l *Layer) List(dir string) ([]string, error) { return l.FS.List(dir) }

// SyncDir makes the names durable.
func (l *Layer) SyncDir(dir string) error {
	return l.do(OpSyncDir, dir, func() error { return l.FS.SyncDir(dir) })
}

// Lock takes a lock.
func (l *Layer) Lock(name string) (io.Closer, error) { return l.FS.Lock(name) }

type layerFile struct {
	durable.File
	layer *Layer
	name  string
}

func (f layerFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.layer.do(OpWrite, f.name, func() error {
		n, err = f.File.WriteAt(p, off)
		return err
	})
	return n, err
}

func (f layerFile) Truncate(size int64) error {
	return f.layer.do(OpTruncate, f.name, func() error { return f.File.Truncate(size) })
}

func (f layerFile) Sync() error {
	return f.layer.do(OpSync, f.name, f.File.Sync)
}
