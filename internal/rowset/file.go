package rowset

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// A file of rows: a line of text that names format and version, a line that says whether its changes were dealt with and is overwritten
// then, a head as a line of JSON, and for each row, in the order of the keys,
//
//	CRC-32C of the rest (4 bytes), size of key, size of row (4 bytes each, little endian), sum (16 bytes),
//	id of the change that was told of it last (32 bytes, zero where none was), key, row (nothing where it is withheld)
//
// The head says how many there are. In format 1, which is read too, there were no ids.
const (
	magic      = "fedmsg rows 2\n"
	magicOld   = "fedmsg rows 1\n"
	magicBegin = "fedmsg rows "
	isDone     = "done\n"
	isPending  = "next\n"
	maxHead    = 64 << 10
	oldHead    = 4 + 4 + 4 + sumLen
	recordHead = oldHead + sha256.Size
	maxStored  = 64 << 20 // bytes of a row: a file with more is damaged
)

// head is what a file says of its rows.
type head struct {
	Shape
	ID         string `json:"id"`         // random, of the first file of a store: names of changes begin with it
	Generation uint64 `json:"generation"` // counts the answers that differed from the one before, from 1; 0 where there was none yet
	Rows       int    `json:"rows"`
	Telling

	done bool // the changes were dealt with
}

// changeID names a change.
type changeID [sha256.Size]byte

// record is one row of a file. Its memory is valid until the next.
type record struct {
	key, row []byte
	sum      sum
	told     changeID // names the last change that was told of the row; zero where none was
}

// withheld reports whether what the row was is not kept any more.
func (r *record) withheld() bool { return len(r.row) == 0 }

// damaged is a file that cannot be used.
func damaged(name, what string) error {
	return fedmsg.Errorf(fedmsg.CodeBadBody, "the rows that were kept in %s cannot be used: %s; restore both files of rows in that directory from one backup, or remove both to begin anew as at first", name, what)
}

// reader reads a file of rows.
type reader struct {
	head
	name string
	file durable.File
	in   *bufio.Reader
	left int
	buf  []byte
	h    [recordHead]byte

	headSize int // of a record, by the format
}

// open opens a file of rows; nil for one that is not there.
func open(fsys durable.FS, dir, name string) (*reader, error) {
	path := filepath.Join(dir, name)
	f, err := fsys.Open(path, true)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot read the rows that were kept in %s", path)
	}
	size, err := f.Size()
	r := &reader{name: path, file: f, in: bufio.NewReaderSize(io.NewSectionReader(f, 0, size), cutoff)}
	if err == nil {
		err = r.readHead()
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return r, nil
}

func (r *reader) readHead() error {
	first, err := r.line(len(magic) + 20)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(first, []byte(magicBegin)) {
		return damaged(r.name, "it is no file of rows")
	}
	r.headSize = recordHead
	if string(first) == magicOld {
		r.headSize = oldHead
	} else if string(first) != magic {
		return fedmsg.Errorf(fedmsg.CodeConfig, "the rows in %s are of format %q, and this program knows %q; a newer one wrote them: use that", r.name,
			bytes.TrimSpace(first[len(magicBegin):]), magic[len(magicBegin):len(magic)-1])
	}
	mark, err := r.line(len(isDone))
	if err != nil {
		return err
	}
	if r.done = string(mark) == isDone; !r.done && string(mark) != isPending {
		return damaged(r.name, "it does not say whether its changes were dealt with")
	}
	line, err := r.line(maxHead)
	if err != nil {
		return err
	}
	if json.Unmarshal(line, &r.head) != nil || r.Rows < 0 || len(r.Key) == 0 || r.ID == "" {
		return damaged(r.name, "its head is damaged")
	}
	r.left = r.Rows
	return nil
}

// line reads a line with its end.
func (r *reader) line(most int) ([]byte, error) {
	var line []byte
	for len(line) < most {
		c, err := r.in.ReadByte()
		if err != nil {
			return nil, r.broken(err)
		}
		if line = append(line, c); c == '\n' {
			return line, nil
		}
	}
	return nil, damaged(r.name, "its beginning has no end of a line")
}

func (r *reader) broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged(r.name, "it was cut off")
	}
	return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot read the rows that were kept in %s", r.name)
}

// next reads the next row; false behind the last.
func (r *reader) next() (record, bool, error) {
	if r.left == 0 {
		if _, err := r.in.ReadByte(); err != io.EOF {
			return record{}, false, damaged(r.name, "it goes on behind its last row")
		}
		return record{}, false, nil
	}
	h := r.h[:r.headSize]
	if _, err := io.ReadFull(r.in, h); err != nil {
		return record{}, false, r.broken(err)
	}
	keySize, rowSize := binary.LittleEndian.Uint32(h[4:]), binary.LittleEndian.Uint32(h[8:])
	if keySize > maxKey || rowSize > maxStored {
		return record{}, false, damaged(r.name, "a row of it is damaged")
	}
	if n := int(keySize + rowSize); cap(r.buf) < n {
		r.buf = make([]byte, n)
	}
	b := r.buf[:keySize+rowSize]
	if _, err := io.ReadFull(r.in, b); err != nil {
		return record{}, false, r.broken(err)
	}
	crc := crc32.Update(crc32.Checksum(h[4:], castagnoli()), castagnoli(), b)
	if crc != binary.LittleEndian.Uint32(h) {
		return record{}, false, damaged(r.name, "a row of it is damaged")
	}
	r.left--
	rec := record{key: b[:keySize:keySize], row: b[keySize:], sum: sum(h[12:])}
	copy(rec.told[:], h[oldHead:])
	return rec, true, nil
}

func (r *reader) close() {
	if r != nil {
		_ = r.file.Close() // nothing was written
	}
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// writeHead begins a file.
func (s *stream) writeHead(h *head) error {
	line, err := json.Marshal(h)
	if err != nil {
		return err
	}
	begin := magic + isPending
	if h.done {
		begin = magic + isDone
	}
	return s.write(append(append([]byte(begin), line...), '\n'))
}

// writeRecord writes a row.
func (s *stream) writeRecord(rec *record) error {
	var h [recordHead]byte
	binary.LittleEndian.PutUint32(h[4:], uint32(len(rec.key)))
	binary.LittleEndian.PutUint32(h[8:], uint32(len(rec.row)))
	copy(h[12:], rec.sum[:])
	copy(h[oldHead:], rec.told[:])
	crc := crc32.Checksum(h[4:], castagnoli())
	crc = crc32.Update(crc32.Update(crc, castagnoli(), rec.key), castagnoli(), rec.row)
	binary.LittleEndian.PutUint32(h[:], crc)
	for _, part := range [...][]byte{h[:], rec.key, rec.row} {
		if err := s.write(part); err != nil {
			return err
		}
	}
	return nil
}
