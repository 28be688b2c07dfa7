package redact

import (
	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
)

// Letters is the dead letters of the sinks or of the sources: a *deliver.Set has some.
type Letters interface {
	// DeadList gives letters without their contents: of one sink or source, at most limit behind a number; of all where name is empty.
	DeadList(name string, after uint64, limit int) ([]deadletter.Letter, error)
	// DeadGet gives one with its contents.
	DeadGet(name string, number uint64) (deadletter.Letter, error)
	// DeadDrop removes one for good.
	DeadDrop(name string, number uint64) error
}

// piece is how many letters are listed at once.
const piece = 1000

// meant is what letters are to be dropped: of these ids, and with envelopes of these SHA-256.
type meant struct{ ids, sums map[string]bool }

// dropLetters removes the letters of redacted messages, and gives how many there were.
func dropLetters(all Letters, tasks []task) (dropped int, err error) {
	if len(tasks) == 0 {
		return 0, nil
	}
	m := meant{make(map[string]bool), make(map[string]bool)}
	for i := range tasks {
		m.ids[tasks[i].redaction.ID], m.sums[tasks[i].redaction.SHA256] = true, true
	}
	first, err := all.DeadList("", 0, piece)
	if err != nil {
		return 0, err
	}
	for len(first) > 0 {
		of, n := first[0].Of, 0
		for n < len(first) && first[n].Of == of {
			n++
		}
		some := first[:n]
		first = first[n:]
		for len(some) > 0 && err == nil {
			var gone int
			gone, err = dropSome(all, of, some, &m)
			dropped += gone
			if len(some) < piece || err != nil {
				break
			}
			some, err = all.DeadList(of, some[len(some)-1].Number, piece)
		}
		if err != nil {
			return dropped, err
		}
	}
	return dropped, nil
}

// dropSome removes those that are meant. Of what a source brought the id may not have been read; then its envelope tells.
func dropSome(all Letters, of string, some []deadletter.Letter, m *meant) (dropped int, err error) {
	for i := range some {
		l := &some[i]
		if !m.ids[l.ID] && !(l.ID == "" && m.has(all, of, l.Number)) {
			continue
		}
		if err := all.DeadDrop(of, l.Number); err != nil && fedmsg.CodeOf(err) != fedmsg.CodeNotFound {
			return dropped, err
		}
		dropped++
	}
	return dropped, nil
}

// has reports whether a letter has such an envelope in it.
func (m *meant) has(all Letters, of string, number uint64) bool {
	l, err := all.DeadGet(of, number)
	return err == nil && len(l.Envelope) > 0 && m.sums[Sum(l.Envelope)]
}
