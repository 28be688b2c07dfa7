package backup

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// deepest bounds how deep directories lie in a state directory, where links may lead round.
const deepest = 8

// tree copies a file or directory, following links. What goes away meanwhile, what is written beside a file to replace it, and what is
// no file, as a socket, is left out.
func (r *run) tree(from, to string, depth int) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	info, err := os.Stat(from)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().IsRegular() && !strings.HasSuffix(from, ".tmp"):
		return r.file(from, to)
	case !info.IsDir():
		return nil
	case depth > deepest:
		return fedmsg.Errorf(fedmsg.CodeCannotMake, "cannot back up %s: directories lie deeper there than a node makes them; see whether a link leads round", from)
	}
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = os.Mkdir(to, 0o700)
	}
	for _, e := range entries {
		if err == nil {
			err = r.tree(filepath.Join(from, e.Name()), filepath.Join(to, e.Name()), depth+1)
		}
	}
	return err
}

// file copies a file, for its owner's eyes only.
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
