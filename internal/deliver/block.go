package deliver

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// block is some lines that stand together in a file of the journal. It is known of which entries they may tell, so that whoever asks
// for one of these has only such blocks read, not all of a file.
type block struct {
	old      bool  // in the old file
	at       int64 // where it begins there
	size     int64
	from, to uint64 // the entries of which its lines tell
}

// blockSize is with how many bytes a block is full.
const blockSize = 4 << 10

// errBadLine tells of a whole line that nobody wrote.
var errBadLine = errors.New("a line is damaged")

// file is the path of the old file or of the present one.
func (j *journal) file(old bool) string {
	if old {
		return j.path + ".old"
	}
	return j.path
}

// wholeLines reads a file up to the end of its last whole line: what a crash left of another was never told to anybody. A file that
// is not there is empty.
func wholeLines(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return data[:bytes.LastIndexByte(data, '\n')+1], nil
}

// parse reads a line, in terms of this log. It is empty where it tells of no entry of it.
func (j *journal) parse(text []byte) (l line, err error) {
	if json.Unmarshal(text, &l) != nil || l.Kind == "" || !l.Log.Valid() {
		return line{}, errBadLine
	}
	limit := j.logs.limit(l.Log)
	if l.From > limit || limit == 0 {
		return line{}, nil
	}
	l.Log, l.To = j.logs.own, min(l.To, limit)
	return l, nil
}

// load reads the files and takes note of where which entries are told of.
func (j *journal) load() {
	j.blocks, j.size, j.bad, j.lost = nil, 0, 0, nil
	for _, old := range []bool{true, false} {
		data, err := wholeLines(j.file(old))
		j.lost = errors.Join(j.lost, err)
		for text := range bytes.Lines(data) {
			l, err := j.parse(text)
			if err != nil {
				j.bad++
				l = line{Kind: lineForgot, To: math.MaxUint64} // it may have told of any
			}
			j.index(old, len(text), &l)
		}
	}
}

// index adds a line, which is appended to a file, to its last block.
func (j *journal) index(old bool, size int, l *line) {
	at := int64(0)
	n := len(j.blocks)
	if n > 0 && j.blocks[n-1].old == old {
		at = j.blocks[n-1].at + j.blocks[n-1].size
	}
	if at == 0 || j.blocks[n-1].size >= blockSize {
		j.blocks = append(j.blocks, block{old: old, at: at, from: math.MaxUint64})
		n++
	}
	b := &j.blocks[n-1]
	b.size += int64(size)
	if !old {
		j.size = b.at + b.size
	}
	switch l.Kind {
	case "":
	case lineBack: // it tells of all that was sent behind it
		b.from, b.to = min(b.from, l.From), math.MaxUint64
	default:
		b.from, b.to = min(b.from, l.From), max(b.to, l.To)
	}
}

// about gives what is to be told of an entry of this log.
func (j *journal) about(p fedmsg.Position) (a account) {
	err := j.lost
	for i := range j.blocks {
		b := &j.blocks[i]
		if p.Seq < b.from || p.Seq > b.to {
			continue
		}
		data, readErr := j.read(b)
		for text := range bytes.Lines(data) {
			l, lineErr := j.parse(text)
			if lineErr == nil {
				a.hear(p, &l)
			}
			err = errors.Join(err, lineErr)
		}
		err = errors.Join(err, readErr)
	}
	if err != nil {
		a.forgotten = line{Kind: lineForgot, Reason: reasonUnreadable}
	}
	return a
}

// read gives the lines of a block.
func (j *journal) read(b *block) ([]byte, error) {
	f, err := os.Open(j.file(b.old))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	data := make([]byte, b.size)
	_, err = io.ReadFull(io.NewSectionReader(f, b.at, b.size), data)
	return data, err
}

// mend takes out the lines that are damaged, and puts one in their place that says of which entries it is not known any more what
// became of them.
func (j *journal) mend(instead line) error {
	for _, old := range []bool{true, false} {
		data, err := wholeLines(j.file(old))
		if err != nil {
			return err
		}
		var good []byte
		for text := range bytes.Lines(data) {
			if _, err := j.parse(text); err == nil {
				good = append(good, text...)
			}
		}
		if old && len(good) == len(data) {
			continue
		}
		if !old {
			if good, err = appendLines(good, instead); err != nil {
				return err
			}
		}
		if err := durable.WriteFile(durable.OS{}, j.file(old), good, 0o600); err != nil {
			return err
		}
	}
	j.load()
	return nil
}
