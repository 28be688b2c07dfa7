package trust

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// source is a file as it was when it was read.
type source struct {
	path string
	info fs.FileInfo // nil: it could not be looked at
	late bool        // it had been written so shortly before that another change may show the same time
	sum  [sha256.Size]byte
}

// settled is how long after a change the time of a file is sure to show the next one, on any file system.
const settled = 2 * time.Second

// maxFile bounds what is read: the lists of large authorities have some megabytes.
const maxFile = 64 << 20

// look notes how a file is. It is called before reading, so that a change meanwhile is seen the next time.
func look(path string, now time.Time) source {
	info, err := os.Stat(path)
	if err != nil {
		return source{path: path}
	}
	age := now.Sub(info.ModTime())
	return source{path: path, info: info, late: age < settled}
}

// same reports whether the file has surely not changed since.
func (s *source) same(now *source) bool {
	return s.path == now.path && s.info != nil && now.info != nil && !s.late &&
		os.SameFile(s.info, now.info) && s.info.Size() == now.info.Size() && s.info.ModTime().Equal(now.info.ModTime())
}

// read gives the file's bytes, and notes what they are.
func (s *source) read() ([]byte, error) {
	f, err := os.OpenFile(s.path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // of a pipe nobody writes to, nothing is awaited
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errNotRegular())
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "it has more than %d bytes", maxFile)
	}
	s.sum = sha256.Sum256(data)
	return data, nil
}

func errNotRegular() error { return fedmsg.Errorf(fedmsg.CodeConfig, "it is not a regular file") }

// fault says which file of which root cannot be used, and why.
type fault struct {
	root, key string // empty for the trust file itself
	path      string
	err       error
}

// Error is for the operator's log and terminal: it has the path.
func (f *fault) Error() string { return f.text(f.path) }

// Unwrap gives the reason. The code is always that of a wrong configuration.
func (f *fault) Unwrap() error {
	return fedmsg.WrapError(fedmsg.CodeConfig, f.err, "%s", f.text(f.path))
}

// brief is the same for health, where paths are not shown.
func (f *fault) brief() string { return f.text(filepath.Base(f.path)) }

func (f *fault) text(path string) string {
	reason := f.err.Error()
	if e, ok := errors.AsType[*fs.PathError](f.err); ok {
		reason = e.Err.Error()
	} else if e, ok := errors.AsType[*fedmsg.Error](f.err); ok {
		reason = strings.ReplaceAll(e.Message, f.path, path)
	}
	if f.root == "" {
		return fmt.Sprintf("the trust file %s cannot be used; mend it, or set trust_file to another: %s", path, reason)
	}
	cure := fmt.Sprintf("mend the file, or set %s to another", f.key)
	switch {
	case errors.Is(f.err, fs.ErrNotExist):
		cure = fmt.Sprintf("put the file there, or set %s to where it is", f.key)
	case errors.Is(f.err, fs.ErrPermission):
		cure = "let the user who runs this read it"
	}
	return fmt.Sprintf("[[trust]] %q: %s %s cannot be used: %s; %s", f.root, f.key, path, reason, cure)
}
