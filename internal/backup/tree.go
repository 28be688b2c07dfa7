package backup

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// deepest bounds how deep directories lie in a state directory; each has a file open while it is copied.
const deepest = 8

// openState opens the state directory, which may be a link itself. All below it is copied without following any: who runs a backup may
// read more than the user of the node, who can put there what it likes.
func (r *run) openState() (*os.Root, error) {
	root, err := os.OpenRoot(r.State)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot read the state directory %s", r.State)
	}
	return root, nil
}

// tree copies a file or directory of an open directory. What goes away meanwhile, what is written beside a file to replace it, and what
// is no file, as a socket, is left out; a link is refused.
func (r *run) tree(in *os.Root, name, to string, depth int) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	info, err := in.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		return linked(in, name)
	case info.Mode().IsRegular() && !strings.HasSuffix(name, ".tmp"):
		return r.inside(in, name, info, to)
	case !info.IsDir():
		return nil
	case depth > deepest:
		return fedmsg.Errorf(fedmsg.CodeCannotMake, "cannot back up %s: directories lie deeper there than a node makes them", filepath.Join(in.Name(), name))
	}
	dir, err := in.OpenRoot(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // nothing was written
	if now, err := dir.Stat("."); err != nil || !os.SameFile(info, now) {
		return errors.Join(err, linked(in, name))
	}
	entries, err := fs.ReadDir(dir.FS(), ".")
	if err == nil {
		err = os.Mkdir(to, 0o700)
	}
	for _, e := range entries {
		if err == nil {
			err = r.tree(dir, e.Name(), filepath.Join(to, e.Name()), depth+1)
		}
	}
	return err
}

// linked refuses what is a link, or has become one just now.
func linked(in *os.Root, name string) error {
	return fedmsg.Errorf(fedmsg.CodeCannotMake, "cannot back up %s: it is a link, or was replaced meanwhile, and links are not followed; where something is to lie on another disk, mount that there", filepath.Join(in.Name(), name))
}

// inside copies a file of an open directory, which is the one that was looked at: one that was put in its place may be anything.
func (r *run) inside(in *os.Root, name string, seen fs.FileInfo, to string) error {
	from, err := in.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO would wait for somebody who writes
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // nothing was written
	now, err := from.Stat()
	if err != nil {
		return err
	}
	if !now.Mode().IsRegular() {
		return linked(in, name)
	}
	if !os.SameFile(seen, now) {
		// A node replaces files too. That one is a file of this directory as long as it is found there without following anything.
		if again, err := in.Lstat(name); err != nil || !os.SameFile(again, now) {
			return errors.Join(err, linked(in, name))
		}
	}
	return copyFile(from, to)
}

// file copies a file that the caller names, for its owner's eyes only.
func (r *run) file(from, to string) error {
	in, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // nothing was written
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return copyFile(in, to)
}

// copyFile writes a new file, for its owner's eyes only.
func copyFile(in io.Reader, to string) error {
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

// syncDirs makes all names below dir durable.
func syncDirs(dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return durable.OS{}.SyncDir(name)
	})
}
