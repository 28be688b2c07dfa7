package rowset

import (
	"encoding/hex"
	"errors"
	"path/filepath"
)

// Withhold takes away what is kept of the rows about which the last message was redacted, as the ids of changes tell: of these only key
// and sum remain, and when they change or go, what they were before is not told. Where nothing is pending, what they were is in no
// file of the store when Withhold returns. What is pending has to be told in the same words, so that nothing is done then. A key
// cannot be withheld.
func (s *Store) Withhold(redacted func(id string) bool) error {
	last, pending, err := s.open()
	pending.close()
	defer last.close()
	if last == nil || pending != nil || err != nil {
		return err
	}
	gone := func(r *record) bool {
		return !r.withheld() && r.told != changeID{} && redacted(hex.EncodeToString(r.told[:]))
	}
	err = last.each(func(r *record) error {
		if gone(r) {
			return errDiffers
		}
		return nil
	})
	if errors.Is(err, errDiffers) {
		err = s.rewrite(filepath.Base(last.name), gone)
	}
	if err != nil {
		return err
	}
	return s.removeOther(last.name)
}

// rewrite writes a file that is done anew, without the rows that are gone.
func (s *Store) rewrite(name string, gone func(*record) bool) error {
	r, err := open(s.fs, s.dir, name)
	defer r.close()
	if r == nil || err != nil {
		return err
	}
	return s.write(name, &r.head, func(out *stream) error {
		return r.each(func(rec *record) error {
			if gone(rec) {
				rec.row = nil
			}
			return out.writeRecord(rec)
		})
	})
}

// each gives all rows that were not read yet.
func (r *reader) each(take func(*record) error) error {
	for {
		rec, more, err := r.next()
		if !more || err != nil {
			return err
		}
		if err := take(&rec); err != nil {
			return err
		}
	}
}
