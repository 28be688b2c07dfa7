package deliver

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// journal is the file of what is to be told of single entries beside where the sink stands: what was skipped, and remarks. It is
// bounded: when it is full it becomes the old one, and the old one goes.
type journal struct {
	path string
	upTo uint64 // no line says anything of an entry behind this one
	size int64  // of the present file

	turns int // how often the present file has become the old one
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
	if info, err := os.Stat(path); err == nil {
		j.size = info.Size()
	}
	return j
}

// add appends lines.
func (j *journal) add(lines ...line) error {
	var b []byte
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
		if err := os.Rename(j.path, j.path+".old"); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		j.size = 0
		j.turns++
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

// each gives the lines, oldest first. One that is not understood, as at a torn end, is passed over.
func (j *journal) each(f func(line)) {
	for _, path := range []string{j.path + ".old", j.path} {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(bytes.NewReader(data))
		lines.Buffer(nil, 2*maxJournal)
		for lines.Scan() {
			var l line
			if json.Unmarshal(lines.Bytes(), &l) == nil {
				f(l)
			}
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
