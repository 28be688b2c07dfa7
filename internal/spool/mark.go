package spool

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lockPatience bounds the wait for another process of this user that is writing, or was stopped while it wrote.
const lockPatience = time.Second

// mark is one user's own note in the directory, .last-UID. It says which files this user wrote last, because in the shared
// directory nobody but its owner can list. A mark that is missing, or that another user has put in the way, costs the order
// between processes and the bounds, never a message. It is held locked while a file is written.
type mark struct {
	s        *Spool
	f        *os.File // nil when there is none to be had
	last     string   // the file announced last: it exists unless its writer failed or it was drained
	previous string   // the one before
	files    int      // written since the spool was last seen empty
	bytes    int64
}

// openMark locks and reads the mark of this user.
func (s *Spool) openMark() *mark {
	m := &mark{s: s}
	path := filepath.Join(s.dir, ".last-"+strconv.Itoa(os.Geteuid()))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return m
	}
	if info, err := f.Stat(); err != nil || !safe(info) || ownerOf(info) != os.Geteuid() || lock(f, time.Now().Add(lockPatience)) != nil {
		f.Close()
		return m
	}
	m.f = f
	b := make([]byte, 512)
	n, _ := f.ReadAt(b, 0)
	fields := strings.Fields(string(b[:n]))
	if len(fields) != 4 {
		return m
	}
	m.last, m.previous = fields[0], fields[1]
	m.files, _ = strconv.Atoi(fields[2])
	m.bytes, _ = strconv.ParseInt(fields[3], 10, 64)
	if !m.pending() {
		m.files, m.bytes = 0, 0
	}
	return m
}

// pending reports whether a file that the mark names is still there.
func (m *mark) pending() bool {
	for _, name := range []string{m.last, m.previous} {
		if name == "" || name == "-" || name != filepath.Base(name) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(m.s.dir, name)); err == nil {
			return true
		}
	}
	return false
}

// name makes a name that sorts behind the last one of this user, also when the clock has gone back.
func (m *mark) name(now time.Time) string {
	t := now.UnixNano()
	for _, name := range []string{m.last, m.s.newest} {
		if stamp, _, ok := strings.Cut(name, "-"); ok {
			if last, err := strconv.ParseInt(stamp, 10, 64); err == nil && last >= t && last < math.MaxInt64 {
				t = last + 1
			}
		}
	}
	m.s.newest = newName(t, os.Geteuid())
	return m.s.newest
}

// announce notes the file that is about to get its name. The one before stays noted too: this one may never appear.
func (m *mark) announce(name string, bytes int64) {
	m.previous, m.last = m.last, name
	if m.previous == "" {
		m.previous = "-"
	}
	m.files++
	m.bytes += bytes
	if m.f == nil {
		return
	}
	line := fmt.Appendf(nil, "%s %s %d %d\n", m.last, m.previous, m.files, m.bytes)
	if _, err := m.f.WriteAt(line, 0); err == nil {
		m.f.Truncate(int64(len(line)))
	}
}

// close unlocks the mark.
func (m *mark) close() {
	if m.f != nil {
		m.f.Close()
	}
}

// lock takes the advisory lock of f, which ends with the file's descriptor, or gives up at the deadline. The kernel has no
// lock with a deadline, so it asks again and again.
func lock(f *os.File, deadline time.Time) error {
	for wait := time.Millisecond; ; wait = min(wait*2, 20*time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil || !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return err
		}
		if !time.Now().Before(deadline) {
			return err
		}
		time.Sleep(wait)
	}
}
