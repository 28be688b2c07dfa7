package spool

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/federated-messaging/fedmsg"
)

// read opens one file without following links and reads it. What is not a plain file of one user alone fails with
// CodeForbidden: its owner need not be who wrote it.
func (s *Spool) read(name string) (File, fs.FileInfo, error) {
	f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return File{}, nil, err
	case errors.Is(err, syscall.ELOOP):
		return File{}, nil, fedmsg.Errorf(fedmsg.CodeForbidden, "the spooled file is a symbolic link; links are never followed")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENXIO):
		return File{}, nil, fedmsg.WrapError(fedmsg.CodeForbidden, err, "the spooled file cannot be read by uid %d; it must have mode 0640", os.Geteuid())
	case err != nil:
		return File{}, nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot open a spooled file")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return File{}, nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot look at a spooled file")
	}
	if !safe(info) {
		return File{}, nil, fedmsg.Errorf(fedmsg.CodeForbidden, "the spooled file is not a plain file with one name that only its owner can write, so that its owner does not prove the sender")
	}
	if info.Size() > s.o.FileBytes {
		return File{}, nil, fedmsg.Errorf(fedmsg.CodeTooLarge, "the spooled file has %d bytes; %d are allowed", info.Size(), s.o.FileBytes)
	}
	b := make([]byte, info.Size())
	if _, err := io.ReadFull(f, b); err != nil && err != io.EOF {
		return File{}, nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot read a spooled file")
	}
	return File{Name: name, Owner: uint32(ownerOf(info)), Envelope: b}, info, nil
}

// safe reports whether info is of a plain file without a second name, which nobody but its owner can write: a hard link, or
// a file that others can write, would let one user speak as another.
func safe(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode().IsRegular() && st.Nlink == 1 && info.Mode().Perm()&0o022 == 0
}

// ownerOf is the uid of the file's owner, or -1.
func ownerOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}

// reject moves a file that no node will take to rejected/, with the reason beside it. The reason is written first: a crash
// between the two leaves the file where it was.
func (s *Spool) reject(name string, cause error) error {
	dir, err := s.rejectedDir()
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make the directory for rejected messages in %s", s.dir)
	}
	code, text := fedmsg.Public(cause)
	err = os.WriteFile(filepath.Join(dir, name+".reason"), []byte(string(code)+": "+text+"\n"), 0o600)
	if err == nil {
		err = s.step("reject")
	}
	if err == nil {
		err = os.Rename(filepath.Join(s.dir, name), filepath.Join(dir, name))
	}
	if err = ignoreMissing(err); err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot move a rejected message to %s", dir)
	}
	return nil
}

// rejectedDir is rejected/, or another of that beginning where somebody else has taken the name: in the shared directory
// everybody can make names.
func (s *Spool) rejectedDir() (string, error) {
	dir := filepath.Join(s.dir, "rejected")
	err := os.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if info, err := os.Lstat(dir); err == nil && info.IsDir() && ownerOf(info) == os.Geteuid() {
		return dir, nil
	}
	return os.MkdirTemp(s.dir, "rejected-")
}
