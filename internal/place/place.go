// Package place keeps where a reader stands, in a small file.
//
// It promises that saving costs one write of one sector and no sync, so that it can be done after each delivery; that what was
// saved survives the end of the process, and what was synced that of the machine; and that a reader of the file sees the old
// position or the new one. A place that is lost is older than the reader was: it repeats, and never skips.
package place

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// size is that of every file: "POSITION" or "POSITION hold", spaces and a newline. All lies in one sector, so that a crash of the
// machine leaves the old text or the new one.
const size = 64

// File is the place of one reader. One goroutine uses it.
type File struct {
	fs   durable.FS
	path string
	hold bool

	file durable.File // nil until something was saved: a file without a position would be one that cannot be understood
	now  fedmsg.Position
}

// Open reads the file and writes nothing: what is there, or not, is made anew at the first Save. A file that cannot be understood is
// an error with CodeBadPosition, one that cannot be read has CodeCannotMake: nobody but a person can say where its reader stood. Hold
// is written beside the position: it tells retention to keep what the reader has not taken.
func Open(path string, hold bool) (*File, error) { return open(durable.OS{}, path, hold) }

// Anew is the place of a reader that stands nowhere yet, whatever the file holds: the first Save puts another in its stead.
func Anew(path string, hold bool) *File { return &File{fs: durable.OS{}, path: path, hold: hold} }

func open(fsys durable.FS, path string, hold bool) (*File, error) {
	f := &File{fs: fsys, path: path, hold: hold}
	data, err := durable.ReadFile(fsys, path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot read the saved place %s; mend the file, or remove it to begin anew", path)
	}
	if f.now, err = parse(data); err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeBadPosition, err,
			"the saved place in %s is not of the form POSITION or POSITION hold; nobody but you can say where its reader stood: write a position there, or remove the file to begin anew", path)
	}
	return f, nil
}

// parse reads what a file holds. Whether its reader holds is for the one who opens it to say.
func parse(data []byte) (fedmsg.Position, error) {
	words := strings.Fields(string(data[:min(len(data), 4*size)]))
	if len(words) == 0 || len(words) > 2 || len(words) == 2 && words[1] != "hold" {
		return fedmsg.Position{}, errors.New("one position is expected")
	}
	return fedmsg.ParsePosition(words[0])
}

// Position is what was saved last; the zero Position of a new file.
func (f *File) Position() fedmsg.Position { return f.now }

// Save writes the position, which is not the zero one. An error says that the file has the old one or none.
func (f *File) Save(p fedmsg.Position) error {
	if f.file == nil {
		return f.make(p)
	}
	var text [size]byte
	if _, err := f.file.WriteAt(f.format(text[:0], p), 0); err != nil {
		return f.failed(err)
	}
	f.now = p
	return nil
}

// make writes the file anew and durably, so that from then on its one sector is there to be overwritten.
func (f *File) make(p fedmsg.Position) error {
	if err := durable.WriteFile(f.fs, f.path, f.format(nil, p), 0o600); err != nil {
		return f.failed(err)
	}
	file, err := f.fs.Open(f.path, false)
	if err != nil {
		return f.failed(err)
	}
	f.file, f.now = file, p
	return nil
}

// format appends the text of the file to b.
func (f *File) format(b []byte, p fedmsg.Position) []byte {
	b = p.AppendTo(b)
	if f.hold {
		b = append(b, " hold"...)
	}
	for len(b) < size-1 {
		b = append(b, ' ')
	}
	return append(b, '\n')
}

func (f *File) failed(err error) error {
	return fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot save the place in %s", filepath.Base(f.path))
}

// Close syncs and closes it.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	err := errors.Join(f.file.Sync(), f.file.Close())
	f.file = nil
	if err != nil {
		return f.failed(err)
	}
	return nil
}
