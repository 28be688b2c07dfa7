package maildir

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// info begins what programs append to the name of a mail, and flags are its letters.
const info = ":2,"

// split gives the name that a mail was delivered under, and its flags.
func (m Mail) split() (base, flags string) {
	if i := strings.LastIndex(m.file, info); i >= 0 {
		return m.file[:i], m.file[i+len(info):]
	}
	return m.file, ""
}

// Remove removes a mail. One that is gone is no error.
func (d *Dir) Remove(m Mail) error {
	if err := d.root.Remove(m.String()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unavailable(err, "cannot remove the mail %q of the Maildir %s", m, d.path)
	}
	return nil
}

// MarkSeen moves a mail to cur/ and gives it the flag of one that was read, besides those that it has. It is not on disk when it returns:
// after a power cut the mail may be as before. One that is gone is no error.
func (d *Dir) MarkSeen(m Mail) error {
	err := error(fs.ErrExist)
	for n := 0; n < maxNames && errors.Is(err, fs.ErrExist); n++ { // where another mail has the name
		to := Mail{in: known, file: m.seen(n)}
		if to == m {
			return nil
		}
		err = d.rename(m, to)
	}
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := d.root.Lstat(m.String()); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	if err != nil {
		return unavailable(err, "cannot mark the mail %q of the Maildir %s as seen", m, d.path)
	}
	return nil
}

// rename gives a mail another name, unless something has it: then it fails with [fs.ErrExist].
func (d *Dir) rename(m, to Mail) error {
	from, err := d.root.Open(m.in)
	if err != nil {
		return err
	}
	defer from.Close()
	into, err := d.root.Open(to.in)
	if err != nil {
		return err
	}
	defer into.Close()
	err = unix.Renameat2(int(from.Fd()), m.file, int(into.Fd()), to.file, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) {
		return d.lookAndRename(m, to)
	}
	return err
}

// lookAndRename is rename for file systems, such as NFS, that cannot do both in one step: what takes the name between them is lost.
func (d *Dir) lookAndRename(m, to Mail) error {
	_, err := d.root.Lstat(to.String())
	switch {
	case err == nil:
		return fs.ErrExist
	case errors.Is(err, fs.ErrNotExist):
		return d.root.Rename(m.String(), to.String())
	}
	return err
}

const (
	maxNames  = 100 // that are tried
	maxLength = 200 // bytes of a name that is kept; file systems take 255
)

// seen gives the n-th of the names that a mail may have when it was read: its own with a flag more, or one made of it where that is taken
// or too long.
func (m Mail) seen(n int) string {
	base, flags := m.split()
	if n > 0 || len(m.file) > maxLength {
		sum := sha256.Sum256([]byte(base))
		base = "fedmsg-" + hex.EncodeToString(sum[:16]) + "-" + strconv.Itoa(n)
	}
	letters := []byte{'S'}
	for _, c := range []byte(flags) { // what is no flag is not kept
		if (c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') && !slices.Contains(letters, c) {
			letters = append(letters, c)
		}
	}
	slices.Sort(letters)
	return base + info + string(letters)
}
