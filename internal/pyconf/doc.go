// Package pyconf reads configuration files that are written in Python, without Python.
//
// The files of the old bus are programs that build a dict called config. They are read here as Starlark, a small language
// that looks like Python and can reach nothing outside: the text is put into that form first (dialect.go), what the two
// languages do differently with the same words is done as Python does it (rewrite.go, format.go), and modules are those few
// whose answers a configuration needs, such as the name of the host (modules.go). What any other module would have given is a
// value that only knows its name. Nothing is opened, started or sent.
//
// It promises that a file, whatever is in it, ends with a value or with a fault that names file and line: steps, time, memory,
// sizes and nesting are bounded. What it cannot understand is a fault and never guessed.
package pyconf

import (
	"fmt"
	"time"
)

// Host is what a file may ask of the machine for which it is read. Functions that are nil answer no.
type Host struct {
	Name   string                   // of the host, as socket.gethostname() gives it
	FQDN   string                   // the same with its domain; empty: Name
	User   string                   // who runs the programs
	Getenv func(name string) string // of os.environ
	Exists func(path string) bool   // of os.path.exists
}

// Position is a place in a file.
type Position struct {
	File string
	Line int // from 1; 0 is the file as a whole
}

// String is FILE:LINE.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Fault is what keeps a file from being understood.
type Fault struct {
	At   Position
	Text string
}

// Error is "FILE:LINE: what is wrong".
func (f *Fault) Error() string { return f.At.String() + ": " + f.Text }

// Table is a dict whose keys are text, in the order in which they were set.
type Table struct {
	Keys   []string
	Values map[string]Value
}

// Unknown is a value that only Python could tell, with the words that would have made it.
type Unknown string

// Value is one of: nil, bool, int64, float64, string, []Value, *Table, Unknown.
type Value any

// File is what one file says.
type File struct {
	Path     string
	Config   *Table
	Warnings []Fault // what was passed over

	lines map[string]int
}

// At gives the place where the file sets a key, as well as it can be told: that of the first mention of the word.
func (f *File) At(key string) Position { return Position{File: f.Path, Line: f.lines[key]} }

// MaxSource is how many bytes a file may have.
const MaxSource = 256 << 10

// The other bounds of one file.
const (
	maxSteps  = 1_000_000       // of the interpreter
	maxTime   = 5 * time.Second // of the evaluation
	maxHeap   = 128 << 20       // bytes that the process may grow by meanwhile
	maxString = 64 << 10        // bytes of one string
	maxLength = 64 << 10        // elements of one list
	maxBits   = 1024            // of one number
	maxParts  = 10_000          // of one tuple with all that is in it
	maxValues = 200_000         // in the whole config
	maxDepth  = 32              // of values in values
)
