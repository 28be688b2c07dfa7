package deliver

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// journal is the file of what is to be told of single entries beside where the sink stands: what was skipped, and remarks. It is
// bounded: when it is full it becomes the old one. What is forgotten for that is told of in a line of its own.
//
// It is a help for people, and nothing is delivered or left out by it: where it is damaged or cannot be read it is told that it is not
// known what became of an entry.
type journal struct {
	path string
	logs lineage

	blocks []block // of the old file, then of the present one
	size   int64   // of the present file, up to the end of its last whole line
	bad    int     // lines that were not understood when the files were read last
	lost   error   // why they could not be read then; nil if they could
}

// line is one thing to tell. As JSON it is a line of the file.
type line struct {
	Kind   lineKind     `json:"kind"`
	Log    fedmsg.LogID `json:"log"`
	From   uint64       `json:"from"`
	To     uint64       `json:"to"`
	Time   time.Time    `json:"time"`
	Reason string       `json:"reason,omitempty"`
}

type lineKind string

const (
	lineSkip   lineKind = "skip"   // entries From to To were skipped
	lineRemark lineKind = "remark" // a remark about entry From
	lineMany   lineKind = "many"   // there were remarks about some of the entries From to To, and not all are kept
	lineBack   lineKind = "back"   // what stands before and is about entries behind From holds no more
	lineForgot lineKind = "forgot" // of the entries From to To some may have been skipped, and which is not kept
	lineDone   lineKind = "done"   // entry From was delivered when its dead letter was tried again
)

const (
	maxJournal = 256 << 10 // bytes of each of the two files
	maxLine    = 4 << 10
)

// openJournal looks at what there is. What the lines tell of entries of a log that this one went on from holds of them here too.
func openJournal(path string, logs lineage) *journal {
	j := &journal{path: path, logs: logs}
	j.load()
	return j
}

// add appends lines.
func (j *journal) add(lines ...line) error {
	texts, size := make([][]byte, len(lines)), 0
	for i, l := range lines {
		if len(l.Reason) > maxLine/2 {
			l.Reason = l.Reason[:maxLine/2] + "…"
		}
		text, err := json.Marshal(l)
		if err != nil {
			return err
		}
		texts[i] = append(text, '\n')
		size += len(texts[i])
	}
	if j.size+int64(size) > maxJournal {
		if err := j.turn(); err != nil {
			return err
		}
	}
	if err := j.write(bytes.Join(texts, nil)); err != nil {
		return err
	}
	for i := range lines {
		j.index(false, len(texts[i]), &lines[i])
	}
	return nil
}

// write appends to the present file. What an earlier write that failed has left behind its last whole line goes.
func (j *journal) write(text []byte) error {
	f, err := os.OpenFile(j.path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err == nil && end < j.size { // somebody took something away
		j.load()
	}
	if err == nil && end > j.size {
		err = f.Truncate(j.size)
	}
	if err == nil {
		_, err = f.WriteAt(text, j.size)
	}
	return errors.Join(err, f.Close())
}

// turn makes the present file the old one. Of the one that was old until then the remarks go; what was skipped is kept for as long as
// there is room. A line for each says what went, so that it is not said to be delivered, or that nobody remarked anything.
func (j *journal) turn() error {
	present, err := wholeLines(j.file(false))
	if err != nil {
		return err
	}
	old, err := j.digest()
	if err != nil {
		return err
	}
	if err := durable.WriteFile(durable.OS{}, j.file(true), append(old, present...), 0o600); err != nil {
		return err
	}
	err = os.Remove(j.path)
	j.load()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// digest is what is kept of a file that was old already: what was forgotten comes first, as it was before all that is kept, and the
// remarks last.
func (j *journal) digest() ([]byte, error) {
	old, err := wholeLines(j.file(true))
	if err != nil {
		return nil, err
	}
	var keep []line
	var forgot, many line
	size := 0
	for text := range bytes.Lines(old) {
		l, err := j.parse(text)
		switch {
		case err != nil, l.Kind == "": // it was told of when it was met; of no entry of this log
		case l.Kind == lineRemark, l.Kind == lineMany:
			many.gather(lineMany, &l, reasonRemarksGone)
		case l.Kind == lineForgot && len(keep) == 0:
			forgot.gather(lineForgot, &l, l.Reason)
		default:
			keep = append(keep, l)
			size += len(text)
		}
	}
	for len(keep) > 0 && size > maxJournal/2-maxLine {
		text, err := json.Marshal(keep[0])
		if err != nil {
			return nil, err
		}
		size -= len(text) + 1
		forgot.forget(&keep[0])
		keep = keep[1:]
	}
	return appendLines(nil, append(append([]line{forgot}, keep...), many)...)
}

// appendLines appends the text of the lines that are not empty.
func appendLines(b []byte, lines ...line) ([]byte, error) {
	for i := range lines {
		if lines[i].Kind == "" {
			continue
		}
		text, err := json.Marshal(&lines[i])
		if err != nil {
			return nil, err
		}
		b = append(append(b, text...), '\n')
	}
	return b, nil
}
