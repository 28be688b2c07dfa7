// Package rowset keeps the rows of a table as they were last, and tells what has changed in an answer that has all rows again.
//
// It promises that what changed is told in the same words again and again until [Store.Commit] says that it has been dealt with,
// whatever happens to the process or the machine between: an answer that differs is on disk before the first difference is told, and
// takes the place of the old one only with Commit. So whoever follows the changes gets from one state that was seen to the next, and
// never a change twice under two names.
//
// Rows are known by their key columns. Both files have them in the order of their keys, so that comparing is one pass over two
// streams; of an answer only the keys and sums of its rows are in memory, about 50 bytes a row and its key.
package rowset

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/tabular"
)

// Shape is what makes rows comparable.
type Shape struct {
	Key    []string `json:"key"`    // columns that a row is known by, in this order; at least one
	Ignore []string `json:"ignore"` // columns that are left out: neither compared nor kept nor told
}

const (
	maxKey = 4 << 10 // bytes of the key of one row
	sumLen = 16
	cutoff = 64 << 10 // bytes that are read and written together
)

// sum tells rows apart, by the first half of their SHA-256.
type sum [sumLen]byte

// Limits are what the rows of an answer may be.
type Limits struct {
	Rows     int // how many there are at most
	RowBytes int // of one row as JSON without the columns that are left out; at most [tabular.MaxRow]
	// Check refuses a row, which is given as JSON, that has something nested in it. Nil takes all.
	Check func(row []byte) error
}

// Answer is the rows of one answer, which lie in a file until it is closed. One goroutine uses it.
type Answer struct {
	shape  Shape
	limits Limits
	file   *stream
	done   func() error // closes and removes the file

	keys  keys
	marks marks

	names  [][]byte // of the columns of the row before, as they came
	order  []int    // of them: the places of those that are kept, sorted by name
	keyAt  []int    // and of those of the key
	ofKey  []byte   // one key
	buffer []byte   // one row
}

// NewAnswer makes an answer of no rows.
func (s *Store) NewAnswer(l Limits) (*Answer, error) {
	f, done, err := s.scratch()
	if err != nil {
		return nil, err
	}
	l.RowBytes = min(l.RowBytes, tabular.MaxRow)
	return &Answer{shape: s.shape, limits: l, file: newStream(f), done: done}, nil
}

// Close frees the file.
func (a *Answer) Close() error { return a.done() }

// Rows is how many there are.
func (a *Answer) Rows() int { return a.marks.len() }

// Add takes a row, whose memory remains the caller's. A row that lacks a key column, or has a column twice, has fedmsg.CodeBadBody, and
// one that is over a limit fedmsg.CodeTooLarge.
func (a *Answer) Add(row []tabular.Cell) error {
	if a.marks.len() >= a.limits.Rows {
		return fedmsg.Errorf(fedmsg.CodeTooLarge, "the answer has more rows than max_rows = %d", a.limits.Rows)
	}
	if !a.same(row) {
		if err := a.arrange(row); err != nil {
			return err
		}
	}
	if err := a.composeKey(row); err != nil {
		return err
	}
	if err := a.compose(row); err != nil {
		return err
	}
	a.marks.add(mark{key: a.keys.add(a.ofKey), row: a.file.at, keySize: uint32(len(a.ofKey)), rowSize: uint32(len(a.buffer)), sum: sumOf(a.buffer)})
	return a.file.write(a.buffer)
}

// compose makes of a row the JSON that is kept of it.
func (a *Answer) compose(row []tabular.Cell) error {
	b, nested := append(a.buffer[:0], '{'), false
	for n, i := range a.order {
		if n > 0 {
			b = append(b, ',')
		}
		v := row[i].Value
		b = append(append(b, row[i].Name...), ':')
		b = append(b, v...)
		nested = nested || v[0] == '{' || v[0] == '['
	}
	a.buffer = append(b, '}')
	if size := len(a.buffer); size > a.limits.RowBytes {
		return fedmsg.Errorf(fedmsg.CodeTooLarge, "row %d of the answer has %d bytes as JSON; at most %d are taken: leave out large columns, in the answer or by ignore", a.marks.len()+1, size, a.limits.RowBytes)
	}
	if !nested || a.limits.Check == nil {
		return nil
	}
	if err := a.limits.Check(a.buffer); err != nil {
		return fedmsg.WrapError(fedmsg.CodeOf(err), err, "no message can be made of row %d of the answer: %s", a.marks.len()+1, err)
	}
	return nil
}

func sumOf(row []byte) sum {
	whole := sha256.Sum256(row)
	return sum(whole[:sumLen])
}

// same reports whether a row has the columns of the one before, in the same places.
func (a *Answer) same(row []tabular.Cell) bool {
	return len(a.names) > 0 && slices.EqualFunc(a.names, row, func(name []byte, c tabular.Cell) bool { return bytes.Equal(name, c.Name) })
}

// arrange finds the places of the columns.
func (a *Answer) arrange(row []tabular.Cell) error {
	a.names, a.order, a.keyAt = a.names[:0], a.order[:0], a.keyAt[:0]
	for i := range row {
		a.names = append(a.names, bytes.Clone(row[i].Name))
		if !slices.ContainsFunc(a.shape.Ignore, func(name string) bool { return isNamed(row[i].Name, name) }) {
			a.order = append(a.order, i)
		}
	}
	slices.SortFunc(a.order, func(i, j int) int { return bytes.Compare(unquoted(a.names[i]), unquoted(a.names[j])) })
	for n := 1; n < len(a.order); n++ {
		if bytes.Equal(a.names[a.order[n-1]], a.names[a.order[n]]) {
			err := a.fault("has the column %s twice", a.names[a.order[n]])
			a.names = a.names[:0]
			return err
		}
	}
	for _, name := range a.shape.Key {
		i := slices.IndexFunc(a.names, func(raw []byte) bool { return isNamed(raw, name) })
		if i < 0 {
			a.names = a.names[:0]
			return a.fault("has no column %q, which is one of the key", name)
		}
		a.keyAt = append(a.keyAt, i)
	}
	return nil
}

// unquoted is a name by which columns are in order, as packages that walk over JSON give it.
func unquoted(name []byte) []byte { return name[1 : len(name)-1] }

func isNamed(raw []byte, name string) bool { return bytes.Equal(raw, tabular.Text(nil, name)) }

// composeKey makes of a row its key: an array of the values of its key columns.
func (a *Answer) composeKey(row []tabular.Cell) error {
	b := append(a.ofKey[:0], '[')
	for n, i := range a.keyAt {
		v := row[i].Value
		if v[0] == '{' || v[0] == '[' || v[0] == 'n' {
			return a.fault("has in the key column %s what is no text, number or true or false", row[i].Name)
		}
		if n > 0 {
			b = append(b, ',')
		}
		b = append(b, v...)
	}
	if a.ofKey = append(b, ']'); len(a.ofKey) > maxKey {
		return a.fault("has a key of %d bytes; at most %d are taken", len(a.ofKey), maxKey)
	}
	return nil
}

func (a *Answer) fault(format string, args ...any) error {
	return fedmsg.Errorf(fedmsg.CodeBadBody, "row %d of the answer "+format, append([]any{a.marks.len() + 1}, args...)...)
}

func (a *Answer) key(m *mark) []byte { return a.keys.at(m.key, m.keySize) }

// clip is a key for people.
func clip(key []byte) string {
	const most = 200
	if len(key) > most {
		return string(bytes.ToValidUTF8(key[:most], nil)) + "…"
	}
	return string(key)
}

// read gives a row again.
func (a *Answer) read(m *mark) ([]byte, error) {
	a.buffer = slices.Grow(a.buffer[:0], int(m.rowSize))[:m.rowSize]
	_, err := a.file.f.ReadAt(a.buffer, m.row)
	return a.buffer, err
}
