// Package tabular reads the rows of a table out of JSON, lines of JSON, CSV and TSV.
//
// It promises that what does not end as its form asks is an error, so that an answer that was cut off is never taken for a shorter
// table; that a row, and the whole, have a limit; and that equal values are given in equal bytes: strings with one way of escaping,
// no space between tokens. Numbers stay as they are written, and what is nested keeps its order. It holds one row at a time.
package tabular

import (
	"io"
	"unicode/utf8"

	"github.com/federated-messaging/fedmsg"
)

// Cell is one column of a row. Its memory is valid until the function returns to which it is given.
type Cell struct {
	Name  []byte // as a JSON string, with its quotes
	Value []byte // as JSON
}

// Form is how rows are written.
type Form string

// The forms. In CSV and TSV the first line names the columns, and all values are strings. TSV knows no quotes.
const (
	JSON   Form = "json"   // an array of objects, at the path that Options give
	NDJSON Form = "ndjson" // an object a line
	CSV    Form = "csv"    // RFC 4180
	TSV    Form = "tsv"    // between tabs
)

// MaxRow is how many bytes a row has at most as it is written, in every form.
const MaxRow = 4 << 20

const (
	window     = 256 << 10 // bytes read ahead
	maxColumns = 1024      // of a row
	maxDepth   = 64        // of what is nested in one value
)

// Options say what is read.
type Options struct {
	Form  Form     // empty: JSON
	Path  []string // the names of the members below which the array of JSON lies; none where it is the whole
	Limit int64    // bytes read at most; more is an error
}

// Read gives each row to take, in order, and stops at its first error. An error of this package has fedmsg.CodeBadJSON, or
// fedmsg.CodeTooLarge for what is over a limit, and says at which row; an error of r is given as it is.
func Read(r io.Reader, o Options, take func(row []Cell) error) error {
	in := &input{r: r, left: o.Limit}
	switch o.Form {
	case JSON, "":
		return readJSON(in, o.Path, take)
	case NDJSON:
		return readLinesOfJSON(in, take)
	case CSV:
		return readCSV(in, take)
	case TSV:
		return readTSV(in, take)
	}
	return fedmsg.Errorf(fedmsg.CodeInternal, "rows cannot be read as %q", string(o.Form))
}

// Text gives a text as a JSON string: the way in which the strings of all cells are written.
func Text(dst []byte, text string) []byte { return fedmsg.AppendJSONString(dst, text) }

// input is what is read, bounded, through a window.
type input struct {
	r    io.Reader
	left int64 // bytes that may still be read
	err  error // why nothing more comes: io.EOF, or a fault
	buf  []byte
	at   int // in buf, where what was not used begins
}

// rest is what is there and was not used.
func (in *input) rest() []byte { return in.buf[in.at:] }

// more reads on, behind what is there, until that has doubled: whoever asks looks at all of it again, and would do so very often
// where little comes at a time. It reports false where nothing more comes.
func (in *input) more() bool {
	if in.err != nil {
		return false
	}
	in.buf = in.buf[:copy(in.buf, in.buf[in.at:])]
	in.at = 0
	if len(in.buf) > MaxRow {
		in.err = tooLong()
		return false
	}
	had := len(in.buf)
	for enough := min(2*had, MaxRow+1); len(in.buf) == had || len(in.buf) < enough; {
		if free := cap(in.buf) - len(in.buf); free < window/2 {
			grown := make([]byte, len(in.buf), max(window, 2*cap(in.buf)))
			copy(grown, in.buf)
			in.buf = grown
		}
		if !in.fill() {
			return isEOF(in.err) && len(in.buf) > had
		}
	}
	return true
}

func tooLong() error {
	return fedmsg.Errorf(fedmsg.CodeTooLarge, "a row, or what stands between two, has more than %d bytes", MaxRow)
}

func (in *input) fill() bool {
	for range 100 { // readers that give nothing are not asked forever
		n, err := in.r.Read(in.buf[len(in.buf):min(cap(in.buf), len(in.buf)+window)])
		in.buf = in.buf[:len(in.buf)+n]
		if in.left -= int64(n); in.left < 0 {
			err = fedmsg.Errorf(fedmsg.CodeTooLarge, "the answer is larger than max_bytes")
		}
		in.err = err
		if n > 0 && (err == nil || err == io.EOF) {
			return true
		}
		if err != nil {
			return false
		}
	}
	in.err = io.ErrNoProgress
	return false
}

// ended gives the fault that ended the input, or says that it was cut off.
func (in *input) ended(what string) error {
	if in.err != nil && in.err != io.EOF {
		return in.err
	}
	return fedmsg.Errorf(fedmsg.CodeBadJSON, "%s: it was cut off", what)
}

// appendText appends a text as it came in a form without escapes, and reports whether it is UTF-8.
func appendText(dst, text []byte) ([]byte, bool) {
	plain := true
	for _, c := range text {
		if c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			plain = false
			break
		}
	}
	if plain {
		dst = append(dst, '"')
		return append(append(dst, text...), '"'), true
	}
	return Text(dst, string(text)), utf8.Valid(text)
}
