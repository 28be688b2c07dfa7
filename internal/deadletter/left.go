package deadletter

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/federated-messaging/fedmsg"
)

// Left is the letters of sinks or sources that are not configured any more, because they were renamed or taken out: they can be listed,
// looked at and dropped. It is safe for concurrent use, and keeps nothing in memory.
type Left struct {
	Dir  string // of all sinks or all sources; those of NAME lie in DIR/NAME/dead
	Kind string // KindSink or KindSource
	// Configured reports whether there is one of that name, whose letters are none of these. It may be called by any goroutine.
	Configured func(name string) bool
}

// names gives the names that have a directory of letters, in their order.
func (l *Left) names() ([]string, error) {
	all, err := os.ReadDir(l.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot look for the dead letters of each %s", l.Kind)
	}
	var names []string
	for _, e := range all {
		if !e.IsDir() || l.Configured(e.Name()) {
			continue
		}
		if info, err := os.Stat(l.letters(e.Name())); err == nil && info.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (l *Left) letters(name string) string { return filepath.Join(l.Dir, name, "dead") }

// open opens the letters of one name.
func (l *Left) open(name string) (*Store, error) {
	return Open(l.letters(name), Limits{})
}

// Has reports whether letters were left under that name.
func (l *Left) Has(name string) bool {
	names, err := l.names()
	if err != nil {
		return false
	}
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// List is [Store.List] of one name that Has reports, or of all where name is empty.
func (l *Left) List(name string, after uint64, limit int) ([]Letter, error) {
	names := []string{name}
	if name == "" {
		var err error
		if names, err = l.names(); err != nil {
			return nil, err
		}
	}
	var all []Letter
	for _, n := range names {
		s, err := l.open(n)
		if err != nil {
			return nil, err
		}
		letters, err := s.List(after, limit)
		if err != nil {
			return nil, err
		}
		for i := range letters {
			letters[i].Of, letters[i].Kind, letters[i].Left = n, l.Kind, true
		}
		all = append(all, letters...)
	}
	return all, nil
}

// Get is [Store.Get] of one name that Has reports.
func (l *Left) Get(name string, number uint64) (Letter, error) {
	s, err := l.open(name)
	if err != nil {
		return Letter{}, err
	}
	letter, err := s.Get(number)
	letter.Left = err == nil
	return letter, err
}

// Remove is [Store.Remove] of one name that Has reports.
func (l *Left) Remove(name string, number uint64) error {
	s, err := l.open(name)
	if err != nil {
		return err
	}
	return s.Remove(number)
}

// Retry says of a letter of one name that Has reports that it cannot be tried again.
func (l *Left) Retry(name string, number uint64) error {
	if _, err := l.Get(name, number); err != nil {
		return err
	}
	return fedmsg.Errorf(fedmsg.CodeNotFound, "dead letter %d of %s %s cannot be tried again: no %[2]s of that name is configured any more; configure one again under it, or drop the letter", number, l.Kind, name)
}
