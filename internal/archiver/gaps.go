package archiver

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// maxGaps bounds what is written down. Beyond it the two oldest become one, with what is between them.
const maxGaps = 1000

// gapBook is a file of the pieces of the log that the store lacks, because the log could not give them: with it nobody takes a row for
// the one behind another that it is not.
type gapBook struct {
	path string
	list []fedmsg.Gap // in the order of the log, not touching; never changed, only replaced
}

// openGaps reads the file. One that is damaged is as good as none: the store lacks what it lacked.
func openGaps(path string) (gapBook, error) {
	b := gapBook{path: path}
	data, err := durable.ReadFile(durable.OS{}, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return b, nil
	case err != nil:
		return b, err
	}
	return b, json.Unmarshal(data, &b.list)
}

// add writes down a piece, durably when it returns.
func (b *gapBook) add(gap fedmsg.Gap) error {
	i, _ := slices.BinarySearchFunc(b.list, gap.From.Seq, func(g fedmsg.Gap, seq uint64) int {
		if g.To.Seq+1 < seq {
			return -1
		}
		return 1
	})
	j := i
	for ; j < len(b.list) && b.list[j].From.Seq <= gap.To.Seq+1; j++ {
		gap = joined(b.list[j], gap)
	}
	if j == i+1 && b.list[i] == gap {
		return nil
	}
	list := slices.Concat(b.list[:i], []fedmsg.Gap{gap}, b.list[j:])
	if len(list) > maxGaps {
		list = append([]fedmsg.Gap{joined(list[0], list[1])}, list[2:]...)
	}
	return b.write(list)
}

// joined is the piece from the beginning of the one to the end of the other.
func joined(a, b fedmsg.Gap) fedmsg.Gap {
	if b.From.Seq < a.From.Seq {
		a.From = b.From
	}
	if b.To.Seq > a.To.Seq {
		a.To = b.To
	}
	return a
}

// forget begins anew, for a store that has nothing yet.
func (b *gapBook) forget() error {
	if len(b.list) == 0 {
		return nil
	}
	return b.write(nil)
}

func (b *gapBook) write(list []fedmsg.Gap) error {
	data, err := json.Marshal(list)
	if err == nil {
		err = durable.WriteFile(durable.OS{}, b.path, append(data, '\n'), 0o600)
	}
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot write down what the archive lacks")
	}
	b.list = list
	return nil
}

// Gaps gives the pieces of the log up to Status().Position that are not in the archive, in the order of the log. They are nobody's to
// change.
func (a *Archiver) Gaps() []fedmsg.Gap {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.gaps.list
}

// note writes down that the log could not give some entries.
func (a *Archiver) note(gap fedmsg.Gap) error {
	a.mu.Lock()
	book := a.gaps
	a.mu.Unlock()
	if err := book.add(gap); err != nil {
		return err
	}
	a.keep(book)
	return nil
}

// keep puts a book in the place of the one before. Only run changes it.
func (a *Archiver) keep(b gapBook) {
	a.mu.Lock()
	a.gaps = b
	a.mu.Unlock()
}
