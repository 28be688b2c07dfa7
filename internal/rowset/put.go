package rowset

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"path/filepath"

	"github.com/federated-messaging/fedmsg"
)

// Telling says how the changes of an answer are told.
type Telling struct {
	Quiet  bool            `json:"quiet"`            // not at all: they differ without anything being told of them
	Topics map[Kind]string `json:"topics,omitempty"` // what [Change.Topic] is of each kind, as often as they are told
}

// Put compares an answer with what was kept, and reports whether it differs. If so it is on disk when Put returns, and pending. Behind
// one of another shape it is quiet, whatever t says: nobody can tell what is new. An end of ctx gives its error.
func (s *Store) Put(ctx context.Context, a *Answer, t Telling) (differs bool, err error) {
	if err := a.sort(ctx); err != nil {
		return false, err
	}
	next := head{Shape: s.shape, Rows: a.marks.len(), Telling: t}
	name, err := s.follow(&next)
	if err != nil {
		return false, err
	}
	known, err := s.compare(ctx, a, func(_ *record, _ *mark, same bool) error {
		if !same {
			return errDiffers
		}
		return nil
	})
	switch {
	case err == nil && known:
		return false, nil
	case err == nil, errors.Is(err, errDiffers):
		return true, s.write(name, &next, func(out *stream) error { return s.merged(ctx, a, &next, out) })
	}
	return false, err
}

// errDiffers ends a comparison.
var errDiffers = errors.New("the rows differ")

// follow has a head be that of what follows the last rows, and gives the name of its file. Where there are none, a file of no rows is
// made first, so that what is told of the first answer has the same ids whatever becomes of that.
func (s *Store) follow(next *head) (name string, err error) {
	last, pending, err := s.open()
	last.close()
	pending.close()
	switch {
	case err != nil:
		return "", err
	case pending != nil:
		return "", fedmsg.Errorf(fedmsg.CodeInternal, "the changes of the answer before were not dealt with")
	case last == nil:
		var id [16]byte
		rand.Read(id[:]) // never fails
		next.ID, next.Generation = hex.EncodeToString(id[:]), 1
		return fileB, s.write(fileA, &head{Shape: s.shape, ID: next.ID, done: true}, func(*stream) error { return nil })
	}
	next.ID, next.Generation = last.ID, last.Generation+1
	next.Quiet = next.Quiet || last.Generation > 0 && !last.is(&s.shape)
	return other(last.name), nil
}

// other is the name of the other one of the two files.
func other(path string) string {
	if filepath.Base(path) == fileA {
		return fileB
	}
	return fileA
}

// compare goes over the last rows and those of an answer in the order of their keys, and gives those with one key together: a nil
// record is a row that is new, a nil mark one that is gone. It reports whether there are last rows.
func (s *Store) compare(ctx context.Context, a *Answer, pair func(was *record, is *mark, same bool) error) (known bool, err error) {
	r, err := s.last()
	defer r.close()
	if err != nil {
		return false, err
	}
	var was record
	known = r != nil
	more := known
	if more {
		if was, more, err = r.next(); err != nil {
			return known, err
		}
	}
	watch := watch{ctx: ctx}
	for n := 0; more || n < a.marks.len(); {
		if err := watch.ended(); err != nil {
			return known, err
		}
		order := 1
		if n < a.marks.len() {
			order = -1
			if more {
				order = bytes.Compare(a.key(a.marks.at(n)), was.key)
			}
		}
		switch {
		case order < 0:
			err = pair(nil, a.marks.at(n), false)
		case order > 0:
			err = pair(&was, nil, false)
		default:
			err = pair(&was, a.marks.at(n), was.sum == a.marks.at(n).sum)
		}
		if err != nil {
			return known, err
		}
		if order <= 0 {
			n++
		}
		if order >= 0 {
			if was, more, err = r.next(); err != nil {
				return known, err
			}
		}
	}
	return known, nil
}

// merged writes the rows of an answer.
func (s *Store) merged(ctx context.Context, a *Answer, next *head, out *stream) error {
	last, _, err := s.open()
	last.close()
	if err == nil {
		err = s.markDone(last.name) // again: the mark may have failed to reach the disk, and the older file is about to go
	}
	if err != nil {
		return err
	}
	_, err = s.compare(ctx, a, func(was *record, is *mark, same bool) error {
		switch {
		case is == nil:
			return nil
		case same: // from the one file that is read in its order
			return out.writeRecord(was)
		}
		row, err := a.read(is)
		if err != nil {
			return err
		}
		rec := record{key: a.key(is), row: row, sum: is.sum}
		if !next.Quiet {
			rec.told = next.name(was, &rec)
		}
		return out.writeRecord(&rec)
	})
	return err
}
