// Package durable is the file layer under everything that must survive a crash.
//
// It promises that each operation means one thing and nothing more: bytes given to WriteAt are durable after Sync, a name
// that was created, renamed or removed is durable after SyncDir of its directory, and nothing is durable before. It retries
// nothing: after a failed Sync nobody knows what is on the disk, and the caller must stop trusting the file.
//
// It is an interface because the tests of its users run over a disk that loses what was not synced, runs full, fails, or
// stops at the N-th operation (package durabletest).
package durable

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
)

// ErrLocked is what Lock returns while another holder has the lock.
var ErrLocked = errors.New("locked by another process")

// File is one open file. ReadAt may be called by any number of goroutines, also while another one writes elsewhere in the
// file; the other methods belong to one goroutine at a time.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes the bytes and the length of the file durable. After an error the state of the file on disk is unknown.
	Sync() error
	// Truncate sets the length.
	Truncate(size int64) error
	// Size is the length now.
	Size() (int64, error)
}

// FS is the file system. All names are paths as the operating system takes them. Methods may be called by any number of
// goroutines.
type FS interface {
	// Create makes a new file for reading and writing; it fails with fs.ErrExist if the name is taken.
	Create(name string, perm fs.FileMode) (File, error)
	// Open opens an existing file for reading and writing, or for reading only.
	Open(name string, readOnly bool) (File, error)
	// Rename moves a file over whatever has the new name, in one step.
	Rename(from, to string) error
	// Remove removes a file.
	Remove(name string) error
	// Mkdir makes a directory and its parents; one that is there already is fine.
	Mkdir(dir string, perm fs.FileMode) error
	// List gives the names of the files in a directory, sorted.
	List(dir string) ([]string, error)
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
	// Lock takes the advisory lock of a file, which it makes if needed, or fails at once with ErrLocked. The lock ends with
	// Close of what it returns, or with the process.
	Lock(name string) (io.Closer, error)
}

// WriteFile puts data under name so that after a crash there is either the old file or the new one, whole: it writes a
// file beside it, syncs, renames and syncs the directory. When it returns without error the new one is durable.
func WriteFile(fsys FS, name string, data []byte, perm fs.FileMode) error {
	temp := name + ".tmp"
	if err := fsys.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := fsys.Create(temp, perm)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = fsys.Rename(temp, name)
	}
	if err != nil {
		_ = fsys.Remove(temp) // best effort: the next WriteFile removes it too
		return err
	}
	return fsys.SyncDir(filepath.Dir(name))
}

// ReadFile reads a whole file.
func ReadFile(fsys FS, name string) ([]byte, error) {
	f, err := fsys.Open(name, true)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	data := make([]byte, size)
	if _, err := f.ReadAt(data, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data, nil
}
