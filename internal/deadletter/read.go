package deadletter

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

const (
	suffix   = ".letter"
	lastName = "last"               // a file with the newest number ever given, when no letter tells it
	maxHead  = 6*maxReason + 64<<10 // bytes of a first line, with all its escapes
)

func (s *Store) path(number uint64) string {
	return filepath.Join(s.dir, strconv.FormatUint(number, 10)+suffix)
}

func (s *Store) saveLast() error {
	return durable.WriteFile(s.fs, filepath.Join(s.dir, lastName), strconv.AppendUint(nil, s.last, 10), 0o600)
}

// scan reads what the directory has. What a crash left half written is removed.
func (s *Store) scan() error {
	names, err := s.fs.List(s.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		switch {
		case strings.HasSuffix(name, ".tmp"):
			if err := s.fs.Remove(filepath.Join(s.dir, name)); err != nil {
				return err
			}
		case name == lastName:
			data, err := durable.ReadFile(s.fs, filepath.Join(s.dir, name))
			if err != nil {
				return err
			}
			n, _ := strconv.ParseUint(string(data), 10, 64) // damaged, it may only cost that a number comes again
			s.last = max(s.last, n)
		case strings.HasSuffix(name, suffix):
			if err := s.scanLetter(name); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(s.slots, func(a, b slot) int {
		if a.number < b.number {
			return -1
		}
		return 1
	})
	return nil
}

func (s *Store) scanLetter(name string) error {
	number, err := strconv.ParseUint(strings.TrimSuffix(name, suffix), 10, 64)
	if err != nil || strconv.FormatUint(number, 10)+suffix != name {
		return nil //nolint:nilerr // not one of ours
	}
	h, size, err := s.readHead(number)
	if err != nil && fedmsg.CodeOf(err) != fedmsg.CodeDamaged {
		return err
	}
	s.slots = append(s.slots, slot{number, size, h.Entry})
	s.bytes += size
	s.last = max(s.last, number)
	return nil
}

// readHead reads the first line of a letter's file. What cannot be read or understood fails with CodeDamaged.
func (s *Store) readHead(number uint64) (h head, size int64, err error) {
	f, err := s.fs.Open(s.path(number), true)
	if errors.Is(err, fs.ErrNotExist) {
		return h, 0, err
	}
	if err != nil {
		return h, 0, s.damaged(number, err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	size, err = f.Size()
	if err != nil {
		return h, 0, err
	}
	piece := make([]byte, min(size, 4<<10))
	for {
		n, err := f.ReadAt(piece, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return h, size, s.damaged(number, err)
		}
		if end := bytes.IndexByte(piece[:n], '\n'); end >= 0 {
			h, err = decodeHead(piece[:end])
			if err != nil || h.Number != number {
				return h, size, s.damaged(number, err)
			}
			return h, size, nil
		}
		if int64(len(piece)) == size || len(piece) >= maxHead {
			return h, size, s.damaged(number, nil)
		}
		piece = make([]byte, min(size, int64(4*len(piece)), maxHead))
	}
}

func (s *Store) damaged(number uint64, err error) error {
	return fedmsg.WrapError(fedmsg.CodeDamaged, err, "the file of dead letter %d in %s cannot be read; drop the letter", number, s.dir)
}

// List gives the letters from the oldest, without their contents (Entry, Headers, Body, Envelope), at most limit behind number
// after. One that cannot be read has CodeDamaged.
func (s *Store) List(after uint64, limit int) ([]Letter, error) {
	s.mu.Lock()
	from := 0
	for from < len(s.slots) && s.slots[from].number <= after {
		from++
	}
	wanted := slices.Clone(s.slots[from:])
	s.mu.Unlock()
	var letters []Letter
	for _, t := range wanted {
		if len(letters) >= limit {
			break
		}
		h, _, err := s.readHead(t.number)
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed meanwhile
			continue
		case fedmsg.CodeOf(err) == fedmsg.CodeDamaged:
			h.Letter = s.unreadable(t.number, err)
		case err != nil:
			return nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot read dead letter %d in %s", t.number, s.dir)
		}
		letters = append(letters, h.Letter)
	}
	return letters, nil
}

// unreadable stands for a letter whose file is damaged.
func (s *Store) unreadable(number uint64, err error) Letter {
	_, text := fedmsg.Public(err)
	return Letter{Number: number, Code: fedmsg.CodeDamaged, Reason: text}
}

// Get gives a letter with its contents, or an error with CodeNotFound, or with CodeDamaged.
func (s *Store) Get(number uint64) (Letter, error) {
	s.mu.Lock()
	_, err := s.find(number)
	s.mu.Unlock()
	if err != nil {
		return Letter{}, err
	}
	data, err := durable.ReadFile(s.fs, s.path(number))
	if errors.Is(err, fs.ErrNotExist) {
		return Letter{}, fedmsg.Errorf(fedmsg.CodeNotFound, "there is no dead letter %d any more", number)
	}
	if err != nil {
		return Letter{}, s.damaged(number, err)
	}
	l, err := decode(data)
	if err != nil || l.Number != number {
		return Letter{}, s.damaged(number, err)
	}
	return l, nil
}

// Of finds the letter of the entry with this position, for asking what became of it: without its contents.
func (s *Store) Of(p fedmsg.Position) (Letter, bool) {
	s.mu.Lock()
	i := s.of(p)
	var number uint64
	if i >= 0 {
		number = s.slots[i].number
	}
	s.mu.Unlock()
	if i < 0 {
		return Letter{}, false
	}
	h, _, err := s.readHead(number)
	if err != nil {
		return s.unreadable(number, err), !errors.Is(err, fs.ErrNotExist)
	}
	return h.Letter, true
}
