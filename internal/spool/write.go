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

	"github.com/federated-messaging/fedmsg"
)

// suffix ends the name of every spooled envelope; other names in the directory are not looked at.
const suffix = ".env"

// tempPrefix begins the names of files that are not complete. One that is a day old was left by a crash.
const tempPrefix = ".tmp-"

// Write keeps one envelope, which must be whole and on one line. When it returns nil the envelope survives a power cut and
// stands behind all that this user wrote before. It fails with CodeTooLarge, CodeStorageFull or CodeCannotMake; after the
// last the envelope may still be there, if only the last fsync failed.
func (s *Spool) Write(envelope []byte) error { return s.WriteAll([][]byte{envelope})[0] }

// WriteAll keeps several envelopes, which will be handed on in this order, and says of each what [Spool.Write] would: one
// that fails keeps no other from being written. Many cost much less time together than one by one.
func (s *Spool) WriteAll(envelopes [][]byte) []error {
	errs := make([]error, len(envelopes))
	if err := s.makeDir(); err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.openMark()
	defer m.close()
	for from := 0; from < len(envelopes); from += groupFiles {
		to := min(from+groupFiles, len(envelopes))
		g := group{s: s, m: m}
		g.put(envelopes[from:to])
		for i, w := range g.files {
			errs[from+i] = s.told(w.err)
		}
	}
	return errs
}

// told is err, which came up while a file was written, as the publisher is told of it.
func (s *Spool) told(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*fedmsg.Error](err); ok {
		return e
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fedmsg.WrapError(fedmsg.CodeStorageFull, err, "cannot spool in %s: the disk is full", s.dir)
	}
	return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot spool in %s", s.dir)
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

// room holds the bounds of Options for an envelope of size bytes, when others with the given sum are being written. The
// mark's counts only grow until the spool is empty, so that where it can, it counts anew before it says no.
func (s *Spool) room(m *mark, size int64, others int, othersBytes int64) error {
	if size > s.o.FileBytes {
		return fedmsg.Errorf(fedmsg.CodeTooLarge, "cannot spool an envelope of %d bytes: %d are allowed", size, s.o.FileBytes)
	}
	others, othersBytes = others+1, othersBytes+size
	if m.files+others <= s.o.Files && m.bytes+othersBytes <= s.o.Bytes {
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
	if m.files+others > s.o.Files {
		return fedmsg.Errorf(fedmsg.CodeStorageFull, "the spool %s is full: %d messages of this user wait, %d are allowed; start the node", s.dir, m.files+others-1, s.o.Files)
	}
	if m.bytes+othersBytes > s.o.Bytes {
		return fedmsg.Errorf(fedmsg.CodeStorageFull, "the spool %s is full: %d bytes of this user wait, %d are allowed; start the node", s.dir, m.bytes+othersBytes-size, s.o.Bytes)
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
