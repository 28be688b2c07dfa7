package config

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/remote"
)

// validateDelivery refuses sinks and sources that cannot work, and names all that is wrong with each.
func (c *Config) validateDelivery() error {
	quiet := slog.New(slog.DiscardHandler)
	var faults []error
	numbers := map[string]int{}
	for i := range c.Sink {
		s := &c.Sink[i]
		e := element{list: "sink", number: i + 1, name: s.Name}
		e.unique(numbers)
		e.files(s.Files())
		e.faults(s.Validate(), "")
		switch {
		case s.To != "" && len(s.Command) == 0:
			_, err := NewSink(*s, quiet)
			e.faults(err, "to")
		case s.To == "" && len(s.Command) > 0 && s.Command[0] != "":
			_, err := NewSink(*s, quiet)
			e.faults(err, "command")
		}
		faults = append(faults, e.found...)
	}
	clear(numbers)
	for i := range c.Source {
		s := &c.Source[i]
		e := element{list: "source", number: i + 1, name: s.Name}
		e.unique(numbers)
		e.files(s.Files())
		e.faults(s.Validate(), "")
		if s.From != "" {
			_, err := c.NewSource(*s, "", quiet)
			e.faults(err, "from")
		}
		faults = append(faults, e.found...)
	}
	return errors.Join(faults...)
}

// element is one table of a list, whose faults begin with the list's name and its number.
type element struct {
	list   string
	number int
	name   string
	found  []error // all of them *elementFault, each once
}

// elementFault is a fault of one table of a list.
type elementFault struct {
	err       *fedmsg.Error
	table     string // as in source[0]
	key       string // the first word of its sentence, which may be a key of the table
	otherwise string // the key that it is about, if that is none; empty for the table as a whole
}

func (f *elementFault) Error() string { return f.err.Error() }
func (f *elementFault) Unwrap() error { return f.err }

// place finds the key that the fault is about, or where that was not set what stands first where it would be.
func (f *elementFault) place(l *loader) spot {
	at := spot{table: f.table}
	for _, key := range []string{f.key, f.otherwise} {
		if _, set := l.origins[f.table+"."+key]; set {
			at.key = f.table + "." + key
			return at
		}
		if inner := tableOf(key); inner != "" {
			if at.key = l.firstIn(f.table + "." + inner); at.key != "" {
				return at
			}
		}
	}
	at.key = l.firstIn(f.table)
	return at
}

// fault takes note of what is wrong with it. Its own name, with which packages deliver and receive begin, stands behind its number.
func (e *element) fault(text, otherwise string) {
	for _, name := range []string{e.name + ": ", e.list + " " + e.name + ": ", e.list + " " + strconv.Quote(e.name) + ": "} {
		text = strings.TrimPrefix(text, name)
	}
	first, _, _ := strings.Cut(text, " ")
	what := strconv.Itoa(e.number)
	if e.name != "" {
		what += " (" + e.name + ")"
	}
	f := &elementFault{
		err:   fedmsg.Errorf(fedmsg.CodeConfig, "%s %s: %s", e.list, what, text),
		table: fmt.Sprintf("%s[%d]", e.list, e.number-1), key: strings.TrimRight(first, ":,;"), otherwise: otherwise,
	}
	if !slices.ContainsFunc(e.found, func(had error) bool { return had.Error() == f.Error() }) {
		e.found = append(e.found, f)
	}
}

// faults takes note of each error in err. One that does not begin with a key is about the other one.
func (e *element) faults(err error, otherwise string) {
	for _, err := range flatten(err) {
		text := err.Error()
		if f, ok := errors.AsType[*fedmsg.Error](err); ok {
			text = f.Message
		}
		e.fault(text, otherwise)
	}
}

// unique refuses a name that an earlier element has.
func (e *element) unique(numbers map[string]int) {
	if e.name == "" {
		return
	}
	if first, taken := numbers[e.name]; taken {
		e.fault(fmt.Sprintf("is the name of %s %d too; files, metrics and commands tell them apart by it", e.list, first), "name")
	}
	numbers[e.name] = e.number
}

// files refuses names of files that cannot be meant.
func (e *element) files(f remote.Files) {
	for _, n := range []struct{ key, path string }{
		{"credentials", f.Credentials}, {"ca", f.CA}, {"certificate", f.Certificate}, {"key", f.Key},
	} {
		if n.path != "" && !filepath.IsAbs(n.path) {
			e.fault(fmt.Sprintf("%s is an absolute path, not %q", n.key, n.path), n.key)
		}
	}
}
