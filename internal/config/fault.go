package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg"
)

// OriginKind says which of the layers a value comes from. A later one wins over an earlier one.
type OriginKind string

// The kinds of [Origin], in the order in which they are applied.
const (
	FromDefault     OriginKind = "default"
	FromFile        OriginKind = "file"
	FromEnvironment OriginKind = "environment"
	FromFlag        OriginKind = "flag"
)

// Origin is where a value was set.
type Origin struct {
	Kind         OriginKind
	Name         string // the file, the variable or the flag
	Line, Column int    // in the file, both from 1; 0 elsewhere
}

// String is FILE:LINE, the variable, the flag, or "default".
func (o Origin) String() string {
	switch o.Kind {
	case FromFile:
		return fmt.Sprintf("%s:%d", o.Name, o.Line)
	case FromEnvironment, FromFlag:
		return o.Name
	}
	return string(FromDefault)
}

// where is the origin as a fault begins with it: FILE:LINE:COLUMN, or the name.
func (o Origin) where() string {
	if o.Kind == FromFile && o.Line > 0 {
		return fmt.Sprintf("%s:%d:%d", o.Name, o.Line, o.Column)
	}
	if o.Kind == FromDefault || o.Kind == "" {
		return ""
	}
	return o.Name
}

// Fault is one thing that is wrong with the configuration, and where.
type Fault struct {
	Origin Origin
	Text   string // names the key
}

// String is "FILE:LINE:COLUMN: what is wrong".
func (f Fault) String() string {
	if w := f.Origin.where(); w != "" {
		return w + ": " + f.Text
	}
	return f.Text
}

// Faults are all faults of all sources, in the order in which the sources are read.
type Faults []Fault

// Error makes Faults an error with one line for each.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// coded gives the faults as the error that a user is shown, or nil when there are none. It has [fedmsg.CodeConfig], or
// [fedmsg.CodeUsage] when only the command line is wrong.
func (fs Faults) coded() error {
	code := fedmsg.CodeConfig
	if !slices.ContainsFunc(fs, func(f Fault) bool { return f.Origin.Kind != FromFlag }) {
		code = fedmsg.CodeUsage
	}
	switch len(fs) {
	case 0:
		return nil
	case 1:
		return &fedmsg.Error{Code: code, Message: fs[0].String()}
	}
	return fedmsg.Errorf(code, "the configuration has %d faults:\n%s", len(fs), fs.Error())
}
