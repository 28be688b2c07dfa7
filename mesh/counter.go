package mesh

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// reserveBlock is how many numbers a publisher reserves at once, and the most that are passed over after a power cut.
const reserveBlock = 10_000

// counter gives out the numbers of a publisher, each at most once in its life.
//
// Two files keep it. NAME.reserved has a number that no number in use is above, and is durable before the first one above its
// former content is used. NAME.last has the number that is in use last; it is written before each use, but not made durable:
// that outlives the process, not the machine. It says in which run of the machine it was written; in another one the numbers go
// on behind what was reserved. So a killed publisher goes on without a hole, but for the one number that it may have taken and
// not sent, and after a power cut there is a hole of at most reserveBlock.
type counter struct {
	fsys     durable.FS
	path     string // of the files, without what tells them apart
	block    uint64 // how many numbers are reserved at once
	boot     string // names this run of the machine; empty where it has no name
	lock     io.Closer
	file     durable.File // NAME.last
	last     uint64       // in use, or passed over
	reserved uint64
}

// bootID names this run of the machine.
func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// openCounter opens or makes the counter of a service in a directory. It is locked: two publishers of one name would be heard
// as one that repeats itself.
func openCounter(fsys durable.FS, dir, name, boot string, block uint64) (*counter, error) {
	if err := fsys.Mkdir(dir, 0o700); err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make the directory %s for the numbers of %s", dir, name)
	}
	c := &counter{fsys: fsys, path: filepath.Join(dir, name), boot: boot, block: block}
	var err error
	if c.lock, err = fsys.Lock(c.path + ".lock"); err != nil {
		if errors.Is(err, durable.ErrLocked) {
			return nil, fedmsg.WrapError(fedmsg.CodeLocked, err, "another publisher is %s, with its numbers in %s; give this one a name of its own", name, dir)
		}
		return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot lock the numbers of %s in %s", name, dir)
	}
	if err := c.open(); err != nil {
		return nil, errors.Join(err, c.lock.Close())
	}
	return c, nil
}

// open finds the number to go on behind, and reserves the next ones.
func (c *counter) open() error {
	text, err := durable.ReadFile(c.fsys, c.path+".reserved")
	if err == nil {
		c.reserved, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 63)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fedmsg.WrapError(fedmsg.CodeDamaged, err,
			"cannot read which numbers were given, in %s.reserved; restore the file, or remove it to count anew from 1, of which subscribers are told", c.path)
	}
	c.last = c.reserved
	text, err = durable.ReadFile(c.fsys, c.path+".last")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = durable.WriteFile(c.fsys, c.path+".last", lastLine(c.boot, c.last), 0o600)
	case err == nil:
		if by, n, ok := parseLast(string(text)); ok && n <= c.reserved && (by == closed || by == c.boot && by != "") {
			c.last = n
		}
	}
	if err == nil {
		err = c.reserve(c.last + c.block)
	}
	if err == nil {
		c.file, err = c.fsys.Open(c.path+".last", false)
	}
	if err == nil { // no line of an earlier run may be there when a number is used in this one
		if _, err = c.file.WriteAt(lastLine(c.boot, c.last), 0); err == nil {
			err = c.file.Sync()
		}
	}
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot keep count of the numbers in %s.last", c.path)
	}
	return nil
}

// reserve lets numbers up to n be used.
func (c *counter) reserve(n uint64) error {
	if err := durable.WriteFile(c.fsys, c.path+".reserved", fmt.Appendf(nil, "%d\n", n), 0o600); err != nil {
		return err
	}
	c.reserved = n
	return nil
}

// next is the number to use next.
func (c *counter) next() uint64 { return c.last + 1 }

// use takes the next number. After an error it is not in use, and must not be sent.
func (c *counter) use() error {
	n := c.last + 1
	if n > c.reserved {
		if err := c.reserve(n + c.block); err != nil {
			return fedmsg.WrapError(fedmsg.CodeStorageFull, err, "cannot reserve numbers in %s.reserved", c.path)
		}
	}
	if _, err := c.file.WriteAt(lastLine(c.boot, n), 0); err != nil {
		return fedmsg.WrapError(fedmsg.CodeStorageFull, err, "cannot write the number into %s.last", c.path)
	}
	c.last = n
	return nil
}

// close keeps the last number for the next run, also of the machine.
func (c *counter) close() error {
	_, err := c.file.WriteAt(lastLine(closed, c.last), 0)
	if err == nil {
		err = c.file.Sync()
	}
	return errors.Join(err, c.file.Close(), c.lock.Close())
}

// closed stands in place of the run of the machine where the number is durable.
const closed = "closed"

// lastLine is the content of NAME.last: who wrote it, the number, and a checksum of these, always as long as before.
func lastLine(by string, n uint64) []byte {
	line := fmt.Appendf(nil, "%-40.40s %020d ", by, n)
	return fmt.Appendf(line, "%08x\n", crc32.ChecksumIEEE(line))
}

// parseLast reads it back.
func parseLast(text string) (by string, n uint64, ok bool) {
	words := strings.Fields(text)
	if len(words) < 2 {
		return "", 0, false
	}
	if len(words) == 3 {
		by = words[0]
	}
	n, err := strconv.ParseUint(words[len(words)-2], 10, 63)
	return by, n, err == nil && text == string(lastLine(by, n))
}
