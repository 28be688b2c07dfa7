package tabular

import (
	"errors"
	"strings"

	"github.com/federated-messaging/fedmsg"
)

// rows reads objects as rows. Its memory is used again for each.
type rows struct {
	in    *input
	take  func([]Cell) error
	count int // rows so far
	bytes []byte
	ends  []int // in bytes: of the name and of the value of each cell
	cells []Cell
}

// parse reads the object that begins at i.
func (r *rows) parse(b []byte, i int) (end int, err error) {
	r.bytes, r.ends = r.bytes[:0], r.ends[:0]
	if i = space(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		if r.bytes, i, err = appendName(r.bytes, b, i); err != nil {
			return i, err
		}
		r.ends = append(r.ends, len(r.bytes))
		if r.bytes, i, err = appendValue(r.bytes, b, i, 1); err != nil {
			return i, err
		}
		r.ends = append(r.ends, len(r.bytes))
		switch i = space(b, i); {
		case i >= len(b):
			return i, errMore
		case b[i] == '}':
			return i + 1, nil
		case b[i] != ',':
			return i, errNoJSON
		}
		i = space(b, i+1)
	}
}

// give hands over what parse has read.
func (r *rows) give() error {
	r.cells = r.cells[:0]
	from := 0
	for n := 0; n < len(r.ends); n += 2 {
		name, value := r.ends[n], r.ends[n+1]
		r.cells = append(r.cells, Cell{Name: r.bytes[from:name], Value: r.bytes[name:value]})
		from = value
	}
	r.count++
	if len(r.cells) > maxColumns {
		return fedmsg.Errorf(fedmsg.CodeTooLarge, "row %d has %d columns; at most %d are taken", r.count, len(r.cells), maxColumns)
	}
	return r.take(r.cells)
}

// row reads the object that comes next, whatever it takes to have all of it, and hands it over.
func (r *rows) row() error {
	for {
		b := r.in.rest()
		if len(b) > 0 && b[0] != '{' {
			return r.fault("is not an object")
		}
		if len(b) > 0 {
			end, err := r.parse(b, 0)
			if err == nil {
				r.in.at += end
				return r.give()
			}
			if !errors.Is(err, errMore) {
				return r.fault(err.Error())
			}
		}
		if !r.in.more() {
			return r.in.ended("the answer ends in row " + itoa(r.count+1))
		}
	}
}

func (r *rows) fault(what string) error {
	return fedmsg.Errorf(fedmsg.CodeBadJSON, "row %d cannot be read: %s", r.count+1, what)
}

// next goes to the next byte that is no space, and gives it; 0 at the end.
func (in *input) next() byte {
	for {
		if in.at = space(in.buf, in.at); in.at < len(in.buf) {
			return in.buf[in.at]
		}
		if !in.more() {
			return 0
		}
	}
}

// readJSON reads a document of JSON.
func readJSON(in *input, path []string, take func([]Cell) error) error {
	for n, word := range path {
		if err := find(in, word, strings.Join(path[:n+1], ".")); err != nil {
			return err
		}
	}
	r := &rows{in: in, take: take}
	switch in.next() {
	case '[':
		in.at++
	case 0:
		return in.ended("the answer ends before its rows")
	default:
		return fedmsg.Errorf(fedmsg.CodeBadJSON, "the answer has no JSON array where its rows should be (%s)", where(path))
	}
	if err := r.array(); err != nil {
		return err
	}
	for range path {
		if err := finish(in); err != nil {
			return err
		}
	}
	if in.next() != 0 {
		return fedmsg.Errorf(fedmsg.CodeBadJSON, "the answer goes on behind its end")
	}
	if in.err != nil && !isEOF(in.err) {
		return in.err
	}
	return nil
}

func where(path []string) string {
	if len(path) == 0 {
		return "at its beginning; the key rows says where else they are"
	}
	return "at " + strings.Join(path, ".")
}

// array reads rows to the end of the array, whose bracket was read.
func (r *rows) array() error {
	if r.in.next() == ']' {
		r.in.at++
		return nil
	}
	for {
		r.in.next()
		if err := r.row(); err != nil {
			return err
		}
		switch r.in.next() {
		case ',':
			r.in.at++
		case ']':
			r.in.at++
			return nil
		case 0:
			return r.in.ended("the answer ends behind row " + itoa(r.count))
		default:
			return r.fault(errNoJSON.Error())
		}
	}
}

// find goes into the object that comes next, to the value of a member. What stands before it has to be JSON too.
func find(in *input, word, path string) error {
	switch in.next() {
	case '{':
		in.at++
	case 0:
		return in.ended("the answer ends before its rows")
	default:
		return fedmsg.Errorf(fedmsg.CodeBadJSON, "the answer has no JSON object in which %s could be", path)
	}
	want := string(Text(nil, word))
	if in.next() == '}' {
		return missing(path)
	}
	for {
		name, err := member(in)
		if err != nil {
			return err
		}
		if string(name) == want {
			return nil
		}
		if err := skip(in); err != nil {
			return err
		}
		switch in.next() {
		case ',':
			in.at++
			in.next()
		case '}':
			return missing(path)
		default:
			return in.fault()
		}
	}
}

func missing(path string) error {
	return fedmsg.Errorf(fedmsg.CodeBadJSON, "the answer has no %s, where its rows should be", path)
}

// finish goes behind the object in which the rows are. A second member with the name of the first cannot be told from it here, and
// readers differ in which counts; it is left to the one who answers.
func finish(in *input) error {
	for {
		switch in.next() {
		case '}':
			in.at++
			return nil
		case ',':
			in.at++
			in.next()
		default:
			return in.fault()
		}
		if _, err := member(in); err != nil {
			return err
		}
		if err := skip(in); err != nil {
			return err
		}
	}
}

// member reads the name of a member and goes to its value.
func member(in *input) ([]byte, error) {
	return in.read(func(b []byte) ([]byte, int, error) { return appendName(nil, b, 0) })
}

// skip reads a value that is not wanted.
func skip(in *input) error {
	in.next()
	_, err := in.read(func(b []byte) ([]byte, int, error) { return appendValue(nil, b, 0, 0) })
	return err
}

// read reads something whole.
func (in *input) read(one func([]byte) ([]byte, int, error)) ([]byte, error) {
	for {
		out, end, err := one(in.rest())
		if err == nil {
			in.at += end
			return out, nil
		}
		if !errors.Is(err, errMore) {
			return nil, fedmsg.Errorf(fedmsg.CodeBadJSON, "the answer cannot be read: %s", err)
		}
		if !in.more() {
			return nil, in.ended("the answer ends beside its rows")
		}
	}
}

// fault says that something else should have come.
func (in *input) fault() error {
	if len(in.rest()) == 0 {
		return in.ended("the answer ends beside its rows")
	}
	return fedmsg.Errorf(fedmsg.CodeBadJSON, "the answer cannot be read: %s", errNoJSON)
}
