// Package maildir takes mails out of a Maildir that somebody else delivers into.
//
// It promises that it touches nothing outside the directory, whatever lies in it; that it follows no link, opens nothing but plain files and
// waits for nothing in them; and that it removes or renames no mail but the one it is told to, and writes over none (on NFS only over one
// that gets the same name at the same moment). It reads nothing of tmp/, where mails are not complete. It decides nothing about mails and
// starts no goroutines.
package maildir

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/federated-messaging/fedmsg"
)

// The directories that complete mails lie in.
const (
	fresh = "new" // delivered, and seen by no program
	known = "cur" // taken over by a program, with its flags in the name
)

// Dir is an open Maildir. It is safe for concurrent use, also while other programs deliver, read and remove.
type Dir struct {
	path string
	root *os.Root
	info fs.FileInfo // of the directory that was opened
}

// Mail names one mail. The zero value is none.
type Mail struct {
	in   string // fresh or known
	file string
}

// String is the mail's path inside the Maildir, which may have any byte in it but a zero.
func (m Mail) String() string { return m.in + "/" + m.file }

// Open opens a Maildir, out of which mails can be taken only if this process may write into its new/ and cur/.
func Open(path string) (*Dir, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, unavailable(err, "cannot open the Maildir %s", path)
	}
	d := &Dir{path: path, root: root}
	if d.info, err = root.Stat("."); err == nil {
		err = errors.Join(d.writable(fresh), d.writable(known))
	}
	if err != nil {
		return nil, errors.Join(unavailable(err, "cannot take mails out of the Maildir %s: %s", path, cure(err, path)), root.Close())
	}
	return d, nil
}

// Close closes it. What is called afterwards fails.
func (d *Dir) Close() error { return d.root.Close() }

// Replaced tells that another directory has the path by now, or none.
func (d *Dir) Replaced() error {
	info, err := os.Stat(d.path)
	if err != nil {
		return unavailable(err, "cannot look at the Maildir %s", d.path)
	}
	if !os.SameFile(info, d.info) {
		return fedmsg.Errorf(fedmsg.CodeUnavailable, "the Maildir %s has been replaced by another", d.path)
	}
	return nil
}

// writable tells why this process cannot move files in and out of a directory of the Maildir.
func (d *Dir) writable(in string) error {
	f, err := d.root.Open(in)
	if err != nil {
		return err
	}
	defer f.Close()
	// Looking up "." asks for a directory, and for the right to search it.
	if err = unix.Faccessat(int(f.Fd()), ".", unix.W_OK, unix.AT_EACCESS); err != nil {
		return &fs.PathError{Op: "write", Path: in, Err: err}
	}
	return nil
}

// cure tells what has a Maildir be writable that is not.
func cure(err error, path string) string {
	if errors.Is(err, syscall.EROFS) {
		return "it is mounted so that nothing can be written; of a systemd unit, add ReadWritePaths=" + path
	}
	return fmt.Sprintf("uid %d must be able to write into its new/ and cur/", os.Geteuid())
}

// Fresh gives the mails in new/, sorted by name, which begins with the time of delivery; at most max, in which case it is not said which.
// odd names something there that is no plain file and is passed over, or is empty.
func (d *Dir) Fresh(max int) (mails []Mail, odd string, err error) { return d.list(fresh, max) }

// Known gives the mails in cur/ in the same way, without those that have the flag of a mail that was read (S), or that is to be
// removed (T).
func (d *Dir) Known(max int) (mails []Mail, odd string, err error) { return d.list(known, max) }

// listed is how many names are read at once.
const listed = 1024

func (d *Dir) list(in string, max int) (mails []Mail, odd string, err error) {
	f, err := d.root.Open(in)
	if err != nil {
		return nil, "", unavailable(err, "cannot list the mails of the Maildir %s", d.path)
	}
	defer f.Close()
	for len(mails) < max {
		entries, err := f.ReadDir(min(listed, max-len(mails)))
		for _, e := range entries {
			m := Mail{in: in, file: e.Name()}
			switch _, flags := m.split(); {
			case strings.HasPrefix(m.file, "."), in == known && strings.ContainsAny(flags, "ST"):
			case !e.Type().IsRegular():
				odd = m.String()
			default:
				mails = append(mails, m)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, "", unavailable(err, "cannot list the mails of the Maildir %s", d.path)
		}
	}
	slices.SortFunc(mails, func(a, b Mail) int { return cmp.Compare(a.file, b.file) })
	return mails, odd, nil
}

// Read reads a mail of at most max bytes. It fails with CodeTooLarge for one that is larger, without reading it; with CodeNotFound when it
// is gone by now, or is no plain file; and with CodeUnavailable when it cannot be read.
func (d *Dir) Read(m Mail, max int64) ([]byte, error) {
	name := m.String()
	before, err := d.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !before.Mode().IsRegular() {
		return nil, fedmsg.Errorf(fedmsg.CodeNotFound, "there is no mail %q in the Maildir %s", name, d.path)
	}
	if err != nil {
		return nil, unavailable(err, "cannot look at the mail %q of the Maildir %s", name, d.path)
	}
	f, info, err := d.open(name, before)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var raw []byte
	if info.Size() <= max {
		raw = make([]byte, 0, info.Size()+1)
		raw, err = appendAll(raw, io.LimitReader(f, max+1))
	}
	switch {
	case err != nil:
		return nil, unavailable(err, "cannot read the mail %q of the Maildir %s", name, d.path)
	case info.Size() > max || int64(len(raw)) > max:
		return nil, fedmsg.Errorf(fedmsg.CodeTooLarge, "the mail %q of the Maildir %s has %d bytes, and %d are allowed", name, d.path, info.Size(), max)
	}
	return raw, nil
}

// open opens a mail that is still the file it was before, not waiting for a writer should it have become a pipe since.
func (d *Dir) open(name string, before fs.FileInfo) (*os.File, fs.FileInfo, error) {
	f, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, unavailable(err, "cannot read the mail %q of the Maildir %s as uid %d", name, d.path, os.Geteuid())
	}
	info, err := f.Stat()
	if err != nil || !os.SameFile(info, before) || !info.Mode().IsRegular() { // numbers of files are used again
		f.Close()
		return nil, nil, fedmsg.Errorf(fedmsg.CodeNotFound, "the mail %q of the Maildir %s has been replaced", name, d.path)
	}
	return f, info, nil
}

// appendAll appends all that r has, without growing b where it has room.
func appendAll(b []byte, r io.Reader) ([]byte, error) {
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, err
		case len(b) == cap(b):
			b = append(b, 0)[:len(b)]
		}
	}
}

func unavailable(err error, format string, args ...any) error {
	return fedmsg.WrapError(fedmsg.CodeUnavailable, err, format, args...)
}
