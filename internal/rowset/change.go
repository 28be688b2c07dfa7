package rowset

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/federated-messaging/fedmsg/internal/jsonwalk"
	"github.com/federated-messaging/fedmsg/internal/tabular"
)

// Kind is what became of a row.
type Kind string

// The kinds.
const (
	Added   Kind = "added"
	Changed Kind = "changed"
	Removed Kind = "removed"
)

// Change is what became of one row. Its memory belongs to whom it is given.
type Change struct {
	Kind  Kind
	Topic string // what [Telling] says for its kind
	ID    string // names it: the same each time that it is told, and of no other
	// Body is a JSON object: key, row (of one that was removed: as it was last) and, of one that was changed, before: its columns that
	// were different. What [Store.Withhold] has taken away is left out.
	Body []byte
}

// Changes tells in the order of the keys what is different in the rows that are pending, or nothing where they are quiet. It stops at
// the first error of tell.
func (s *Store) Changes(tell func(Change) error) error {
	last, next, err := s.open()
	defer func() {
		last.close()
		next.close()
	}()
	if next == nil || err != nil || next.Quiet {
		return err
	}
	return merge(last, next, func(was, is *record) error { return tell(next.change(was, is)) })
}

// merge goes over two files in the order of the keys, and gives the rows that are not the same: was is nil of one that is new, is of one
// that is gone.
func merge(last, next *reader, pair func(was, is *record) error) error {
	was, old, err := last.next()
	if err != nil {
		return err
	}
	is, more, err := next.next()
	for err == nil && (old || more) {
		order := 1
		if more {
			order = -1
			if old {
				order = bytes.Compare(is.key, was.key)
			}
		}
		switch {
		case order < 0:
			err = pair(nil, &is)
		case order > 0:
			err = pair(&was, nil)
		case was.sum != is.sum:
			err = pair(&was, &is)
		}
		if err == nil && order >= 0 {
			was, old, err = last.next()
		}
		if err == nil && order <= 0 {
			is, more, err = next.next()
		}
	}
	return err
}

// change makes one. At least one of the rows is there.
func (h *head) change(was, is *record) Change {
	row, id := is, h.name(was, is)
	if is == nil {
		row = was
	}
	c := Change{Kind: kindOf(was, is), ID: hex.EncodeToString(id[:])}
	c.Topic = h.Topics[c.Kind]
	b := append(make([]byte, 0, 64+2*len(row.row)+len(row.key)), `{"key":`...)
	b = h.appendKey(b, row.key)
	if !row.withheld() {
		b = append(append(b, `,"row":`...), row.row...)
	}
	if c.Kind == Changed && !was.withheld() {
		b = append(b, `,"before":`...)
		b = appendBefore(b, was.row, is.row)
	}
	c.Body = append(b, '}')
	return c
}

func kindOf(was, is *record) Kind {
	switch {
	case was == nil:
		return Added
	case is == nil:
		return Removed
	}
	return Changed
}

// name names a change: the same one each time, another one when the same row changes in the same way again.
func (h *head) name(was, is *record) changeID {
	sha := sha256.New()
	var generation [8]byte
	binary.BigEndian.PutUint64(generation[:], h.Generation)
	var old, now sum
	key := []byte(nil)
	if was != nil {
		old, key = was.sum, was.key
	}
	if is != nil {
		now, key = is.sum, is.key
	}
	for _, part := range [...][]byte{[]byte(h.ID), generation[:], {kindOf(was, is)[0]}, old[:], now[:], key} { // all but the last of fixed sizes
		sha.Write(part)
	}
	return changeID(sha.Sum(nil))
}

// appendKey makes of a key, which is an array of values, an object of the columns.
func (h *head) appendKey(b, key []byte) []byte {
	values := jsonwalk.Inside(key)
	for n, name := range h.Key {
		open := byte(',')
		if n == 0 {
			open = '{'
		}
		_, value, _ := values.Pair(false)
		b = append(tabular.Text(append(b, open), name), ':')
		b = append(b, value...)
	}
	return append(b, '}')
}

// appendBefore makes an object of the columns that are not the same in two rows, as they were; null of those that were not there. The
// columns of both are in the order of their names, as they are written.
func appendBefore(b, was, is []byte) []byte {
	old, now := jsonwalk.Inside(was), jsonwalk.Inside(is)
	b = append(b, '{')
	empty := true
	put := func(name, value []byte) {
		if !empty {
			b = append(b, ',')
		}
		empty = false
		b = append(append(append(b, '"'), name...), '"', ':')
		b = append(b, value...)
	}
	oldName, oldValue, hasOld := old.Pair(true)
	nowName, nowValue, hasNow := now.Pair(true)
	for hasOld || hasNow {
		order := 1
		if hasOld {
			order = -1
			if hasNow {
				order = bytes.Compare(oldName, nowName)
			}
		}
		switch {
		case order < 0:
			put(oldName, oldValue)
		case order > 0:
			put(nowName, []byte("null"))
		case !bytes.Equal(oldValue, nowValue):
			put(oldName, oldValue)
		}
		if order <= 0 {
			oldName, oldValue, hasOld = old.Pair(true)
		}
		if order >= 0 {
			nowName, nowValue, hasNow = now.Pair(true)
		}
	}
	return append(b, '}')
}
