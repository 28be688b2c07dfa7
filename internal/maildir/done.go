package maildir

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
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
	for n := range maxNames {
		to := Mail{in: known, file: m.seen(n)}
		if to == m {
			return nil
		}
		_, err := d.root.Lstat(to.String())
		if err == nil {
			continue // another mail has the name, which must not be written over
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = d.root.Rename(m.String(), to.String())
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return unavailable(err, "cannot mark the mail %q of the Maildir %s as seen", m, d.path)
		}
		return nil
	}
	return unavailable(fs.ErrExist, "cannot mark the mail %q of the Maildir %s as seen", m, d.path)
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
