package tabular

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strconv"

	"github.com/federated-messaging/fedmsg"
)

func itoa(n int) string { return strconv.Itoa(n) }

func isEOF(err error) bool { return errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) }

// line gives the next line without its end, and nil behind the last. A last line without an end was cut off.
func (in *input) line(n int) ([]byte, error) {
	for {
		if i := bytes.IndexByte(in.rest(), '\n'); i >= 0 {
			line := in.rest()[:i]
			in.at += i + 1
			return bytes.TrimSuffix(line, []byte{'\r'}), nil
		}
		if !in.more() {
			if isEOF(in.err) && len(in.rest()) == 0 {
				return nil, nil
			}
			return nil, in.ended("line " + itoa(n) + " has no end")
		}
	}
}

// readLinesOfJSON reads an object from each line. Empty lines are passed over.
func readLinesOfJSON(in *input, take func([]Cell) error) error {
	r := &rows{take: take}
	for n := 1; ; n++ {
		line, err := in.line(n)
		if line == nil || err != nil {
			return err
		}
		i := space(line, 0)
		if i == len(line) {
			continue
		}
		if line[i] != '{' {
			return r.fault("is not an object")
		}
		end, err := r.parse(line, i)
		if err == nil && space(line, end) != len(line) {
			err = errNoJSON
		}
		if err != nil {
			return r.fault("line " + itoa(n) + ": " + plain(err))
		}
		if err := r.give(); err != nil {
			return err
		}
	}
}

// plain is an error of a value, for a form in which nothing can go on elsewhere.
func plain(err error) string {
	if errors.Is(err, errMore) {
		return errNoJSON.Error()
	}
	return err.Error()
}

// header is the names of the columns, by the first line.
type header struct {
	cells []Cell
	bytes []byte
	ends  []int
	count int
}

func newHeader(names [][]byte) (*header, error) {
	if len(names) > maxColumns {
		return nil, fedmsg.Errorf(fedmsg.CodeTooLarge, "the first line names %d columns; at most %d are taken", len(names), maxColumns)
	}
	h := &header{cells: make([]Cell, len(names))}
	for i, name := range names {
		var valid bool
		if h.cells[i].Name, valid = appendText(nil, name); !valid {
			return nil, fedmsg.Errorf(fedmsg.CodeBadJSON, "the first line, which names the columns, is not UTF-8")
		}
	}
	return h, nil
}

// row makes a row of the values of one line.
func (h *header) row(values func(i int) []byte, n int, take func([]Cell) error) error {
	h.count++
	if n != len(h.cells) {
		return fedmsg.Errorf(fedmsg.CodeBadJSON, "row %d has %d values, and the first line names %d columns", h.count, n, len(h.cells))
	}
	h.bytes, h.ends = h.bytes[:0], h.ends[:0]
	for i := range n {
		var valid bool
		if h.bytes, valid = appendText(h.bytes, values(i)); !valid {
			return fedmsg.Errorf(fedmsg.CodeBadJSON, "row %d is not UTF-8", h.count)
		}
		h.ends = append(h.ends, len(h.bytes))
	}
	from := 0
	for i, end := range h.ends {
		h.cells[i].Value = h.bytes[from:end]
		from = end
	}
	return take(h.cells)
}

// readTSV reads lines of values with tabs between them.
func readTSV(in *input, take func([]Cell) error) error {
	var h *header
	for n := 1; ; n++ {
		line, err := in.line(n)
		if err == nil && line == nil && h == nil {
			err = noHeader()
		}
		if line == nil || err != nil {
			return err
		}
		fields := bytes.Split(line, []byte{'\t'})
		if h == nil {
			if h, err = newHeader(fields); err != nil {
				return err
			}
			continue
		}
		if err := h.row(func(i int) []byte { return fields[i] }, len(fields), take); err != nil {
			return err
		}
	}
}

func noHeader() error {
	return fedmsg.Errorf(fedmsg.CodeBadJSON, "the answer is empty; its first line should name the columns")
}

// records reads through the input for a reader of CSV, which has no limit of its own.
type records struct {
	in   *input
	read int64 // bytes
	from int64 // of them, those of whole records
	last byte  // of what was read
}

// Read gives what the input has, and an error in a record that is too long.
func (r *records) Read(p []byte) (int, error) {
	if r.read-r.from > MaxRow {
		return 0, tooLong()
	}
	if len(r.in.rest()) == 0 && !r.in.more() {
		return 0, r.in.err
	}
	n := copy(p, r.in.rest())
	r.in.at += n
	r.read += int64(n)
	if n > 0 {
		r.last = p[n-1]
	}
	return n, nil
}

// readCSV reads comma-separated values.
func readCSV(in *input, take func([]Cell) error) error {
	source := &records{in: in}
	c := csv.NewReader(source)
	c.ReuseRecord, c.FieldsPerRecord = true, -1
	var h *header
	for {
		fields, err := c.Read()
		source.from = c.InputOffset()
		switch {
		case errors.Is(err, csv.ErrFieldCount), errors.Is(err, csv.ErrQuote), errors.Is(err, csv.ErrBareQuote):
			return fedmsg.Errorf(fedmsg.CodeBadJSON, "the answer is not CSV: %s", err)
		case errors.Is(err, io.EOF) && h == nil:
			return noHeader()
		case errors.Is(err, io.EOF) && source.last != '\n':
			return in.ended("the last line has no end")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if h == nil {
			names := make([][]byte, len(fields))
			for i, name := range fields {
				names[i] = []byte(name)
			}
			if h, err = newHeader(names); err != nil {
				return err
			}
			continue
		}
		if err := h.row(func(i int) []byte { return []byte(fields[i]) }, len(fields), take); err != nil {
			return err
		}
	}
}
