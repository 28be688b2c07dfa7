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
// bounded: when it is full it becomes the old one.
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
	lineBack   lineKind = "back"   // what stands before and is about entries behind From holds no more
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
	for _, l := range lines {
		j.upTo = max(j.upTo, l.To)
	}
	return errors.Join(err, f.Close())
}

// turn makes the present file the old one. Of the one that was old until then the remarks go; what was skipped is kept for as long as
// there is room, so that it is not said to be delivered.
func (j *journal) turn() error {
	present, err := os.ReadFile(j.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var keep []byte
	eachLine(j.path+".old", func(l line, text []byte) {
		if l.Kind != lineRemark {
			keep = append(append(keep, text...), '\n')
		}
	})
	for len(keep) > maxJournal/2 {
		_, keep, _ = bytes.Cut(keep, []byte("\n"))
	}
	if err := durable.WriteFile(durable.OS{}, j.path+".old", append(keep, present...), 0o600); err != nil {
		return err
	}
	j.turns++
	j.size = 0
	if err := os.Remove(j.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
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

// about gives what is to be told of an entry: that it was skipped, and the newest remark. Either is empty without one. It may be
// called beside add; where turns has changed meanwhile it may have missed something.
func (j *journal) about(p fedmsg.Position) (skip, remark line) {
	j.each(func(l line) { l.apply(p, &skip, &remark) })
	return skip, remark
}

// apply brings what was told of an entry before up to date with the line.
func (l *line) apply(p fedmsg.Position, skip, remark *line) {
	switch {
	case l.Log != p.Log:
	case l.Kind == lineBack && p.Seq > l.From:
		*skip, *remark = line{}, line{}
	case p.Seq < l.From || p.Seq > l.To:
	case l.Kind == lineSkip:
		*skip = *l
	case l.Kind == lineRemark:
		*remark = *l
	}
}
