package poll

import (
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/tabular"
)

const (
	fileBytes = "answer.bytes" // an answer of which it is not known yet whether it has to be read
	copied    = 256 << 10      // bytes that are written to it together
)

// digest is the SHA-256 of all bytes of an answer.
type digest [sha256.Size]byte

// memory knows the bytes of the answer again whose rows are kept, so that they are not read as rows once more: most tables are the same
// most of the time. It lives as long as the node, with one way of reading these bytes. One goroutine uses it.
type memory struct {
	dir string // where an answer lies until all of it has come

	known, last digest // of the answer that is remembered, and of the last one; zero where there was none
	// steady says that the last two answers had the same bytes. Those of a page that has its time in it never do: it is read while it
	// comes, and is not written to a file first.
	steady bool
}

// read gives the rows of an answer to take, unless it has the bytes of the one that is remembered: these are the same. An answer that is
// not taken whole is closed.
func (m *memory) read(body io.ReadCloser, o tabular.Options, take func([]tabular.Cell) error) (same bool, err error) {
	sum := sha256.New()
	hashed := io.TeeReader(body, sum)
	if !m.steady {
		ahead := newAhead(hashed)
		err := tabular.Read(ahead, o, take)
		if err != nil {
			_ = body.Close() // nobody reads on
		}
		ahead.end()
		m.last = digest(sum.Sum(nil))
		return false, err
	}
	f, err := m.scratch()
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	// One byte over the limit has the reader of rows say so.
	if _, err := io.CopyBuffer(toFile{f, m.dir}, io.LimitReader(hashed, o.Limit+1), make([]byte, copied)); err != nil {
		return false, err
	}
	if m.last = digest(sum.Sum(nil)); m.last == m.known {
		return true, nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	return false, tabular.Read(f, o, take)
}

// scratch makes a file that is gone when it is closed, also by the end of the process.
func (m *memory) scratch() (*os.File, error) {
	name := filepath.Join(m.dir, fileBytes)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err == nil {
		err = os.Remove(name)
	}
	if err != nil {
		return nil, cannotKeep(err, m.dir)
	}
	return f, nil
}

func cannotKeep(err error, dir string) error {
	return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot keep an answer in %s while it comes", dir)
}

// toFile writes to a file in a directory, and tells its faults from those of the other side.
type toFile struct {
	f   *os.File
	dir string
}

// Write writes p behind what was written.
func (t toFile) Write(p []byte) (int, error) {
	n, err := t.f.Write(p)
	if err != nil {
		err = cannotKeep(err, t.dir)
	}
	return n, err
}

// asked begins a question, whose answer is the remembered one until another one comes.
func (m *memory) asked() { m.last = m.known }

// remember says that the rows of the last answer are kept.
func (m *memory) remember() { m.known, m.steady = m.last, m.last == m.known && m.known != digest{} }

// forget has the next answer be read whatever it is.
func (m *memory) forget() { m.known, m.steady = digest{}, false }
