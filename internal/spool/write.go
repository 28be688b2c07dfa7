package spool

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// suffix ends the name of every spooled envelope; other names in the directory are not looked at.
const suffix = ".env"

// tempPrefix begins the names of files that are not complete. One that is a day old was left by a crash.
const tempPrefix = ".tmp-"

// Write keeps one envelope, which must be whole and on one line. When it returns nil the envelope survives a power cut and
// stands behind all that this user wrote before. It fails with CodeTooLarge, CodeStorageFull or CodeCannotMake; after the
// last the envelope may still be there, if only the last fsync failed.
func (s *Spool) Write(envelope []byte) error {
	if int64(len(envelope)) > s.o.FileBytes {
		return fedmsg.Errorf(fedmsg.CodeTooLarge, "cannot spool an envelope of %d bytes: %d are allowed", len(envelope), s.o.FileBytes)
	}
	if err := s.makeDir(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.openMark()
	defer m.close()
	if err := s.room(m, int64(len(envelope))); err != nil {
		return err
	}
	name := m.name(time.Now())
	if err := s.put(m, name, envelope); err != nil {
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			return fedmsg.WrapError(fedmsg.CodeStorageFull, err, "cannot spool in %s: the disk is full", s.dir)
		}
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot spool in %s", s.dir)
	}
	return nil
}

// put makes the file: all its bytes are on disk before it gets the name under which it is found.
func (s *Spool) put(m *mark, name string, envelope []byte) (err error) {
	temp := filepath.Join(s.dir, tempPrefix+name)
	if err := s.step("create"); err != nil {
		return err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o640)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, ignoreMissing(os.Remove(temp)))
		}
	}()
	if err := f.Chmod(0o640); err != nil { // the umask may have taken the group's right, by which the node reads
		return err
	}
	if err := s.step("write"); err != nil {
		return err
	}
	if _, err := f.Write(envelope); err != nil {
		return err
	}
	if err := s.step("sync"); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	m.announce(name, int64(len(envelope)))
	if err := s.step("rename"); err != nil {
		return err
	}
	if err := os.Rename(temp, filepath.Join(s.dir, name)); err != nil {
		return err
	}
	if err := s.step("renamed"); err != nil {
		return err
	}
	return s.syncName(f)
}

// syncName makes the new name of f durable.
func (s *Spool) syncName(f *os.File) error {
	d, err := os.Open(s.dir)
	if errors.Is(err, fs.ErrPermission) {
		// Who may not list the directory may not open it either. The rename has changed the inode, and journalling file
		// systems write the rename with it.
		return f.Sync()
	}
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// makeDir makes the user's own spool. The shared one is made by who installs the node.
func (s *Spool) makeDir() error {
	if info, err := os.Stat(s.dir); err == nil && info.IsDir() {
		return nil
	}
	if s.dir == "" {
		return fedmsg.Errorf(fedmsg.CodeCannotMake, "there is no place to spool: %s does not exist and neither XDG_STATE_HOME nor HOME is set", Shared)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make the spool %s", s.dir)
	}
	return nil
}

// room holds the bounds of Options. The mark's counts only grow until the spool is empty, so that where it can, it counts
// anew before it says no.
func (s *Spool) room(m *mark, bytes int64) error {
	if m.files < s.o.Files && m.bytes+bytes <= s.o.Bytes {
		return nil
	}
	if names, err := s.ownNames(); err == nil {
		m.files, m.bytes = len(names), 0
		for _, name := range names {
			if info, err := os.Lstat(filepath.Join(s.dir, name)); err == nil {
				m.bytes += info.Size()
			}
		}
	}
	if m.files >= s.o.Files {
		return fedmsg.Errorf(fedmsg.CodeStorageFull, "the spool %s is full: %d messages of this user wait, %d are allowed; start the node", s.dir, m.files, s.o.Files)
	}
	if m.bytes+bytes > s.o.Bytes {
		return fedmsg.Errorf(fedmsg.CodeStorageFull, "the spool %s is full: %d bytes of this user wait, %d are allowed; start the node", s.dir, m.bytes, s.o.Bytes)
	}
	return nil
}

// step lets tests fail or stop before the operation that it names.
func (s *Spool) step(name string) error {
	if s.fault == nil {
		return nil
	}
	return s.fault(name)
}

// newName is TIME-UID-RANDOM.env: names sort by time, say whose file they may be, and cannot be guessed, so that nobody can
// stand in the way.
func newName(t int64, uid int) string {
	var b [8]byte
	rand.Read(b[:])
	return fmt.Sprintf("%020d-%d-%s%s", t, uid, hex.EncodeToString(b[:]), suffix)
}

// ignoreMissing is err unless it says that the file does not exist.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
