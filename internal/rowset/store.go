package rowset

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// The files in the directory of a store. Rows lie in two files by turns: the newer that is done is what the next answer is compared with,
// and one that is newer still is pending. So no step has to change two names at once, which not every disk does as one. The older one is
// removed when nothing is pending.
const (
	fileA      = "rows-a"
	fileB      = "rows-b"
	fileTemp   = "rows.tmp"   // one that is being written
	fileAnswer = "answer.tmp" // the rows of an answer as they came
)

// Store keeps the rows of one table in a directory of its own. One goroutine uses it.
type Store struct {
	fs    durable.FS
	dir   string
	shape Shape
}

// Open gives the store in a directory, and reads and writes nothing.
func Open(dir string, shape Shape) *Store { return OpenFS(durable.OS{}, dir, shape) }

// OpenFS is [Open] over a file system.
func OpenFS(fsys durable.FS, dir string, shape Shape) *Store {
	if shape.Ignore == nil {
		shape.Ignore = []string{}
	}
	return &Store{fs: fsys, dir: dir, shape: shape}
}

// scratch makes the file of an answer. Where it has a name until it is closed, the next one removes what a crash left.
func (s *Store) scratch() (durable.File, func() error, error) {
	name := filepath.Join(s.dir, fileAnswer)
	f, err := s.create(name)
	if err != nil {
		return nil, nil, err
	}
	return f, func() error { return errors.Join(f.Close(), s.fs.Remove(name)) }, nil
}

func (s *Store) create(name string) (durable.File, error) {
	if err := s.fs.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, s.failed(err)
	}
	f, err := s.fs.Create(name, 0o600)
	if err != nil {
		return nil, s.failed(err)
	}
	return f, nil
}

func (s *Store) failed(err error) error {
	return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot keep the rows in %s", s.dir)
}

// open opens the rows that the next answer is compared with, of whatever shape, and those that are pending; each is nil where there are
// none. The caller closes both.
func (s *Store) open() (last, pending *reader, err error) {
	a, err := open(s.fs, s.dir, fileA)
	if err != nil {
		return nil, nil, err
	}
	b, err := open(s.fs, s.dir, fileB)
	if err != nil {
		a.close()
		return nil, nil, err
	}
	if a == nil || b != nil && b.Generation < a.Generation {
		a, b = b, a // the older first
	}
	switch {
	case a == nil || b == nil && a.done:
		return a, nil, nil
	case b == nil:
		err = damaged(a.name, "it belongs to another one, which is gone")
	case b.done:
		a.close()
		return b, nil, nil
	case !a.done || a.ID != b.ID || a.Generation+1 != b.Generation: // as of a backup that was made while the node went on
		err = damaged(b.name, "it does not belong to "+a.name)
	}
	if err != nil {
		a.close()
		b.close()
		return nil, nil, err
	}
	return a, b, nil
}

// Kept is what is known of an answer before.
type Kept struct {
	Rows  int  // of the last answer, if Known
	Known bool // there was one of this shape, with which the next one is compared
	Any   bool // there was one, of whatever shape; where it is false, the next one is the very first
}

// Kept tells what the next answer is compared with.
func (s *Store) Kept() (Kept, error) {
	last, pending, err := s.open()
	last.close()
	pending.close()
	if last == nil || err != nil {
		return Kept{}, err
	}
	k := Kept{Any: last.Generation > 0, Known: last.is(&s.shape)}
	if k.Known {
		k.Rows = last.Rows
	}
	return k, nil
}

// last opens the last rows, if they are of this shape.
func (s *Store) last() (*reader, error) {
	r, pending, err := s.open()
	pending.close()
	if r != nil && !r.is(&s.shape) {
		r.close()
		return nil, nil
	}
	return r, err
}

// is reports whether these are rows of a shape.
func (h *head) is(shape *Shape) bool {
	return h.Generation > 0 && slices.Equal(h.Key, shape.Key) && slices.Equal(h.Ignore, shape.Ignore)
}

// Pending tells whether there are changes that were not dealt with: [Store.Changes] tells them, and no answer may be put before
// [Store.Commit].
func (s *Store) Pending() (bool, error) {
	last, pending, err := s.open()
	last.close()
	pending.close()
	return pending != nil, err
}

// write puts a file of rows in the place of what has its name. It is durable when write returns.
func (s *Store) write(name string, h *head, rows func(*stream) error) (err error) {
	temp := filepath.Join(s.dir, fileTemp)
	f, err := s.create(temp)
	if err != nil {
		return err
	}
	out := newStream(f)
	if err = out.writeHead(h); err == nil {
		err = rows(out)
	}
	if err == nil {
		err = out.flush()
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = s.fs.Rename(temp, filepath.Join(s.dir, name))
	}
	if err == nil {
		err = s.fs.SyncDir(s.dir)
	}
	if err == nil {
		return nil
	}
	_ = s.fs.Remove(temp) // best effort: the next one removes it too
	if fedmsg.CodeOf(err) != fedmsg.CodeInternal {
		return err
	}
	return s.failed(err)
}

// Commit says that all changes were dealt with: what was pending is what the next answer is compared with. It is durable when Commit
// returns; after an error it is or is not, and whoever follows the changes will not see them twice under two names.
func (s *Store) Commit() error {
	last, pending, err := s.open()
	last.close()
	pending.close()
	if pending == nil || err != nil {
		return err
	}
	if err := s.markDone(pending.name); err != nil {
		return err
	}
	return s.removeOther(pending.name)
}

// removeOther removes the file beside the one that is done, so that nothing is kept which is not so any more.
func (s *Store) removeOther(path string) error {
	if err := s.fs.Remove(filepath.Join(s.dir, other(path))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s.failed(err)
	}
	return nil
}

// markDone marks a file of rows as dealt with.
func (s *Store) markDone(path string) error {
	f, err := s.fs.Open(path, false)
	if err != nil {
		return s.failed(err)
	}
	if _, err = f.WriteAt([]byte(isDone), int64(len(magic))); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return s.failed(err)
	}
	return nil
}

// CopyTo puts the rows that were seen last, whether their changes were dealt with or not, into another store, which has none: what an
// answer is compared with there is told to nobody else. It reads while another process writes.
func (s *Store) CopyTo(other *Store) error {
	last, pending, err := s.open()
	defer func() {
		last.close()
		pending.close()
	}()
	r := pending
	if r == nil {
		r = last
	}
	if r == nil || err != nil {
		return err
	}
	h := r.head
	h.done = true
	return other.write(fileA, &h, func(out *stream) error { return r.each(out.writeRecord) })
}
