package poll

import (
	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/tabular"
)

// taker makes rows of the values of a database, up to a number of bytes.
type taker struct {
	names [][]byte
	left  int64
	take  func([]tabular.Cell) error

	bytes []byte
	ends  []int
	cells []tabular.Cell
}

// fits refuses so many bytes of one row, before memory is taken for them.
func (t *taker) fits(size int) error {
	if int64(size) > t.left {
		return fedmsg.Errorf(fedmsg.CodeTooLarge, "the answer is larger than max_bytes")
	}
	if size > tabular.MaxRow {
		return rowTooLong()
	}
	return nil
}

func rowTooLong() error {
	return fedmsg.Errorf(fedmsg.CodeTooLarge, "a row of the answer has more than %d bytes", tabular.MaxRow)
}

// row makes one, of values that are appended one by one.
func (t *taker) row(value func(i int, dst []byte) ([]byte, error)) error {
	t.bytes, t.ends, t.cells = t.bytes[:0], t.ends[:0], t.cells[:0]
	for i := range t.names {
		var err error
		if t.bytes, err = value(i, t.bytes); err != nil {
			return err
		}
		t.ends = append(t.ends, len(t.bytes))
		t.left -= int64(len(t.names[i]))
	}
	if err := t.fits(len(t.bytes)); err != nil {
		return err
	}
	t.left -= int64(len(t.bytes))
	from := 0
	for i, end := range t.ends {
		t.cells = append(t.cells, tabular.Cell{Name: t.names[i], Value: t.bytes[from:end]})
		from = end
	}
	return t.take(t.cells)
}
