package deliver

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// journal is the file of what is to be told of single entries beside where the sink stands: what was skipped, and remarks. It is
// bounded: when it is full it becomes the old one. What is forgotten for that is told of in a line of its own.
type journal struct {
	path string
	upTo uint64 // no line says anything of an entry behind this one
	size int64  // of the present file

	torn  bool // the present file does not end with a newline
	turns int  // how often the present file has become the old one
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
	lineForgot lineKind = "forgot" // of the entries From to To some were skipped, and which is not kept
)

const (
	maxJournal = 256 << 10 // bytes of each of the two files
	maxLine    = 4 << 10
)

// openJournal reads how far its lines go.
func openJournal(path string) *journal {
	j := &journal{path: path}
	j.each(func(l line) { j.upTo = max(j.upTo, l.To) })
	if data, err := os.ReadFile(path); err == nil {
		j.size = int64(len(data))
		j.torn = len(data) > 0 && data[len(data)-1] != '\n'
	}
	return j
}

// add appends lines.
func (j *journal) add(lines ...line) error {
	var b []byte
	if j.torn {
		b = append(b, '\n')
		j.torn = false
	}
	for _, l := range lines {
		if len(l.Reason) > maxLine/2 {
			l.Reason = l.Reason[:maxLine/2] + "…"
		}
		text, err := json.Marshal(l)
		if err != nil {
			return err
		}
		b = append(append(b, text...), '\n')
	}
	if j.size+int64(len(b)) > maxJournal {
		if err := j.turn(); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(j.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	n, err := f.Write(b)
	j.size += int64(n)
	j.torn = err != nil
	for _, l := range lines {
		j.upTo = max(j.upTo, l.To)
	}
	return errors.Join(err, f.Close())
}

// turn makes the present file the old one. Of the one that was old until then the remarks go; what was skipped is kept for as long as
// there is room. A line for each says what went, so that it is not said to be delivered, or that nobody remarked anything.
func (j *journal) turn() error {
	present, err := os.ReadFile(j.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	old, err := digest(j.path + ".old")
	if err != nil {
		return err
	}
	if err := durable.WriteFile(durable.OS{}, j.path+".old", append(old, present...), 0o600); err != nil {
		return err
	}
	j.turns++
	j.size = 0
	if err := os.Remove(j.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// digest is what is kept of a file that was old already: what was forgotten comes first, as it was before all that is kept, and the
// remarks last.
func digest(path string) ([]byte, error) {
	var keep []line
	var forgot, many line
	size := 0
	eachLine(path, func(l line, text []byte) {
		switch l.Kind {
		case lineRemark, lineMany:
			many.gather(lineMany, &l, reasonRemarksGone)
		case lineForgot:
			forgot = l
		default:
			keep = append(keep, l)
			size += len(text) + 1
		}
	})
	for len(keep) > 0 && size > maxJournal/2-maxLine {
		text, err := json.Marshal(keep[0])
		if err != nil {
			return nil, err
		}
		size -= len(text) + 1
		forgot.forget(&keep[0])
		keep = keep[1:]
	}
	var b []byte
	for _, l := range append(append([]line{forgot}, keep...), many) {
		if l.Kind == "" {
			continue
		}
		text, err := json.Marshal(l)
		if err != nil {
			return nil, err
		}
		b = append(append(b, text...), '\n')
	}
	return b, nil
}

// each gives the lines, oldest first. One that is not understood, as at a torn end, is passed over.
func (j *journal) each(f func(line)) {
	for _, path := range []string{j.path + ".old", j.path} {
		eachLine(path, func(l line, _ []byte) { f(l) })
	}
}

func eachLine(path string, f func(l line, text []byte)) {
	data, err := os.ReadFile(path)
	if err != nil {
		return
	}
	for text := range bytes.Lines(data) {
		text = bytes.TrimSuffix(text, []byte("\n"))
		var l line
		if json.Unmarshal(text, &l) == nil {
			f(l, text)
		}
	}
}

// about gives what is to be told of an entry. It may be called beside add; where turns has changed meanwhile it may have missed
// something.
func (j *journal) about(p fedmsg.Position) (a account) {
	j.each(func(l line) { a.hear(p, &l) })
	return a
}
