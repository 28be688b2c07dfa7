// Package deadletter keeps what could not be delivered, or was brought and could not be taken, until a person has looked at it.
//
// It promises that a letter which Add has returned is on disk, that letters are bounded in number and bytes and never dropped
// to make room, that a number is never given twice, and that each letter has all that is needed to try it again, to the byte,
// when the log has long forgotten the message. Only of what would take more than half of all bytes the contents are not kept, as it
// would stop its sink or source for ever. A letter whose file was damaged is still told of.
package deadletter

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// Store is the dead letters of one sink or source. It is safe for concurrent use. An empty one takes a few hundred bytes.
type Store struct {
	fs     durable.FS
	dir    string
	limits Limits
	here   func(fedmsg.Position) fedmsg.Position // set by Rebase, else nil

	mu    sync.Mutex // guards what follows and is held while a letter is written or removed
	slots []slot     // by number
	last  uint64     // the newest number ever given
	bytes int64      // of all files
}

// slot is what is known of a letter without reading its file.
type slot struct {
	number uint64
	size   int64
	entry  fedmsg.Position
}

// Limits bounds a store; zero fields stand for 10,000 letters and 256 MiB.
type Limits struct {
	Letters int
	Bytes   int64
}

// ErrFull tells that the store has no room; the letter is not in it.
var ErrFull = fedmsg.Errorf(fedmsg.CodeStorageFull, "the dead letters are at their limit; look at them with `fedmsg dead list`, and retry or drop them")

// Open reads the directory, or makes it.
func Open(dir string, limits Limits) (*Store, error) { return open(durable.OS{}, dir, limits) }

func open(fsys durable.FS, dir string, limits Limits) (*Store, error) {
	if limits.Letters == 0 {
		limits.Letters = 10_000
	}
	if limits.Bytes == 0 {
		limits.Bytes = 256 << 20
	}
	s := &Store{fs: fsys, dir: dir, limits: limits}
	err := fsys.Mkdir(dir, 0o700)
	if err == nil {
		err = fsys.SyncDir(filepath.Dir(filepath.Clean(dir)))
	}
	if err == nil {
		err = s.scan()
	}
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot open the dead letters in %s", dir)
	}
	return s, nil
}

// Rebase has letters be known by the positions that their entries have in the log of today, which may have gone on from another one.
// It is called before anything else is asked of the store; here must be safe for concurrent use.
func (s *Store) Rebase(here func(fedmsg.Position) fedmsg.Position) {
	s.here = here
	for i := range s.slots {
		s.slots[i].entry = here(s.slots[i].entry)
	}
}

// position is where the entry of a letter stands; zero without one.
func (s *Store) position(l *Letter) fedmsg.Position {
	switch {
	case l.Entry == nil:
		return fedmsg.Position{}
	case s.here == nil:
		return l.Entry.Position
	}
	return s.here(l.Entry.Position)
}

// Add keeps a letter durably and gives its number. A letter of an entry that has one already takes its place: after a crash an
// entry is given up again.
func (s *Store) Add(l Letter) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.of(s.position(&l)); i >= 0 {
		l.Number = s.slots[i].number
		return l.Number, s.replace(i, &l)
	}
	l.Number = s.last + 1
	data, err := l.encode(s.limits.Bytes / 2)
	if err != nil {
		return 0, s.failed(err)
	}
	if len(s.slots) >= s.limits.Letters || s.bytes+int64(len(data)) > s.limits.Bytes {
		return 0, ErrFull
	}
	if err := s.write(l.Number, data); err != nil {
		return 0, err
	}
	s.last = l.Number
	s.slots = append(s.slots, slot{l.Number, int64(len(data)), s.position(&l)})
	s.bytes += int64(len(data))
	return l.Number, nil
}

// Put writes a letter again under its number, after another failed attempt.
func (s *Store) Put(l Letter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.find(l.Number)
	if err != nil {
		return err
	}
	return s.replace(i, &l)
}

// replace writes the letter into a slot that there is, whatever the limits: it was within them.
func (s *Store) replace(i int, l *Letter) error {
	data, err := l.encode(s.limits.Bytes / 2)
	if err != nil {
		return s.failed(err)
	}
	if err := s.write(l.Number, data); err != nil {
		return err
	}
	s.bytes += int64(len(data)) - s.slots[i].size
	s.slots[i] = slot{l.Number, int64(len(data)), s.position(l)}
	return nil
}

// Remove drops a letter.
func (s *Store) Remove(number uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.find(number)
	if err != nil {
		return err
	}
	if number == s.last { // no file would tell any more that it was given
		if err := s.saveLast(); err != nil {
			return s.failed(err)
		}
	}
	err = s.fs.Remove(s.path(number))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s.failed(err)
	}
	s.bytes -= s.slots[i].size
	s.slots = slices.Delete(s.slots, i, i+1)
	if err := s.fs.SyncDir(s.dir); err != nil {
		return s.failed(err)
	}
	return nil
}

// Len is how many letters there are. It is cheap.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.slots)
}

// At gives where the entry of a letter stands: zero where it has none, or its file is damaged.
func (s *Store) At(number uint64) (fedmsg.Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.find(number)
	if err != nil {
		return fedmsg.Position{}, err
	}
	return s.slots[i].entry, nil
}

// Behind gives the numbers of the letters whose entries stand behind a position, by the numbers of these; nil without any.
func (s *Store) Behind(p fedmsg.Position) map[uint64]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var behind map[uint64]uint64
	for _, t := range s.slots {
		if t.entry.Seq <= p.Seq || p.Log != "" && t.entry.Log != p.Log {
			continue
		}
		if behind == nil {
			behind = map[uint64]uint64{}
		}
		behind[t.entry.Seq] = t.number
	}
	return behind
}

// write makes the file durable.
func (s *Store) write(number uint64, data []byte) error {
	if err := durable.WriteFile(s.fs, s.path(number), data, 0o600); err != nil {
		return s.failed(err)
	}
	return nil
}

// failed says what the disk did not do.
func (s *Store) failed(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fedmsg.WrapError(fedmsg.CodeStorageFull, err, "the disk has no room for a dead letter in %s; make some", s.dir)
	}
	return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot write to the dead letters in %s", s.dir)
}

// find gives the place of a number in slots.
func (s *Store) find(number uint64) (int, error) {
	i, there := slices.BinarySearchFunc(s.slots, number, func(t slot, n uint64) int {
		switch {
		case t.number < n:
			return -1
		case t.number > n:
			return 1
		}
		return 0
	})
	if !there {
		return 0, fedmsg.Errorf(fedmsg.CodeNotFound, "there is no dead letter %d; see `fedmsg dead list`", number)
	}
	return i, nil
}

// of gives the place of the letter of an entry in slots, or -1.
func (s *Store) of(p fedmsg.Position) int {
	if p.IsZero() {
		return -1
	}
	return slices.IndexFunc(s.slots, func(t slot) bool { return t.entry == p })
}
