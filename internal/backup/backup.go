// Package backup copies a node's state directory while the node serves, and says later whether the copy is still what was copied.
//
// It promises that a backup is there whole or not at all, that it is on the disk when it is there, and that everything in it is behind
// the log in it: places of readers are copied first, then the archive, then the log. So a node that goes on with it finds its readers
// where a crash could have left them: they read on, and what they had done already, as erasing a message, is done again. It changes
// nothing in the state directory and does not ask the node.
//
// A restored log would give its next numbers a second time. So each backup has the place of a reader that stands behind the end of its
// log: a node refuses to go on with it before `fedmsg log adopt`.
package backup

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// Options says what is copied.
type Options struct {
	State          string   // the state directory, whose node may run
	Keys           bool     // also secret keys: the node's own, and those of an authority
	WithoutArchive bool     // not the archive's file
	Config         []string // further files, which keep their whole paths
	Version        string   // of this program, for people

	// CopyArchive copies the file of an archive into a new one, which is durable when it returns.
	CopyArchive func(ctx context.Context, from, to string) error
	// Progress is told what is copied, and how many bytes of about how many are done; all is 0 where that is not known. Nil is nobody.
	Progress func(what string, done, all int64)
}

// The names in a backup.
const (
	stateName  = "state"  // the state directory
	configName = "config" // further files
	markReader = "backup" // the reader that stands behind the end of the log
)

// Make makes a backup in dir, which must not be there or must be empty, and gives its manifest. Until it is whole it has the name
// DIR.partial, and of one that fails nothing is left.
func Make(ctx context.Context, o Options, dir string) (m *Manifest, err error) {
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	if dir, err = o.place(dir); err != nil {
		return nil, err
	}
	held, err := commitlog.Hold(daemon.LogDir(o.State)) // from here on retention takes nothing from the copy
	if err != nil {
		return nil, err
	}
	defer held.Close()
	partial := dir + ".partial"
	if err := os.Mkdir(partial, 0o700); errors.Is(err, fs.ErrExist) {
		return nil, fedmsg.Errorf(fedmsg.CodeCannotMake, "there is %s: another backup is under way, or was interrupted; if none is, remove it", partial)
	} else if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make the backup %s", dir)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(partial))
		}
	}()
	r := &run{Options: o, ctx: ctx, into: filepath.Join(partial, stateName)}
	if m, err = r.all(held, partial); err == nil {
		err = publish(partial, dir)
	}
	if err != nil && ctx.Err() == nil && fedmsg.CodeOf(err) == fedmsg.CodeInternal {
		err = fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make the backup %s", dir)
	}
	return m, err
}

// place refuses a directory that cannot be that of a backup, and gives its whole name.
func (o *Options) place(dir string) (string, error) {
	whole, err := filepath.Abs(dir)
	if err != nil {
		return "", fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make the backup %s", dir)
	}
	names, err := os.ReadDir(whole)
	if err == nil && len(names) > 0 {
		return "", fedmsg.Errorf(fedmsg.CodeCannotMake, "%s is there and not empty; each backup gets a directory of its own", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make the backup %s", dir)
	}
	above, err := filepath.EvalSymlinks(filepath.Dir(whole))
	if err != nil {
		return "", fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make the backup %s", dir)
	}
	state, err := filepath.EvalSymlinks(o.State)
	if err != nil {
		return "", fedmsg.WrapError(fedmsg.CodeNotFound, err, "there is no state directory %s", o.State)
	}
	if rel, err := filepath.Rel(state, above); err == nil && filepath.IsLocal(rel) {
		return "", fedmsg.Errorf(fedmsg.CodeUsage, "%s lies in the state directory; name a place outside it, best on another disk", dir)
	}
	return filepath.Join(above, filepath.Base(whole)), nil
}

// run is one backup.
type run struct {
	Options
	ctx  context.Context
	into string // the copy of the state directory
}

// all copies in the order that is promised.
func (r *run) all(held *commitlog.Held, partial string) (*Manifest, error) {
	m := &Manifest{Format: manifestFormat, Made: time.Now().UTC(), Version: r.Version, State: r.State, Keys: r.Keys}
	if err := r.small(); err != nil {
		return nil, err
	}
	archived, err := r.archive()
	if err != nil {
		return nil, err
	}
	info, err := held.Copy(r.ctx, daemon.LogDir(r.into), func(done, all int64) { r.Progress("the log", done, all) })
	if err != nil {
		return nil, err
	}
	m.Archive, m.Log = archived, LogRange{ID: info.ID, First: info.First, Last: info.Last}
	if err := r.mark(info); err != nil {
		return nil, err
	}
	for _, name := range r.Config {
		whole, err := filepath.Abs(name)
		if err == nil {
			err = r.file(whole, filepath.Join(partial, configName, whole))
		}
		if err != nil {
			return nil, err
		}
	}
	if err := m.list(r.ctx, partial, r.Progress); err != nil {
		return nil, err
	}
	return m, m.write(partial)
}

// small copies what is neither log nor archive, the places of readers first.
func (r *run) small() error {
	if err := os.Mkdir(r.into, 0o700); err != nil {
		return err
	}
	state, err := r.openState()
	if err != nil {
		return err
	}
	defer state.Close() //nolint:errcheck // nothing was written
	readers := filepath.Base(daemon.ReadersDir(r.State))
	if err := r.tree(state, readers, filepath.Join(r.into, readers), 1); err != nil {
		return err
	}
	entries, err := fs.ReadDir(state.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if n := e.Name(); n == readers || r.leaves(n) {
			continue
		}
		if err := r.tree(state, e.Name(), filepath.Join(r.into, e.Name()), 1); err != nil {
			return err
		}
	}
	return nil
}

// leaves reports whether name in a state directory is copied by itself, or not at all: what publishers of this machine keep there,
// what a file system keeps there, and secret keys.
func (r *run) leaves(name string) bool {
	switch name {
	case filepath.Base(daemon.LogDir(r.State)), "spool", "lost+found":
		return true
	case filepath.Base(daemon.KeysDir(r.State)), "ca":
		return !r.Keys
	}
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, filepath.Base(daemon.ArchiveFile(r.State)))
}

// archive copies the archive, if there is a file of one.
func (r *run) archive() (bool, error) {
	from := daemon.ArchiveFile(r.State)
	info, err := os.Stat(from)
	if r.WithoutArchive || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r.Progress("the archive", 0, info.Size())
	return true, r.CopyArchive(r.ctx, from, daemon.ArchiveFile(r.into))
}

// mark writes the place of a reader that is behind the end of the log.
func (r *run) mark(info commitlog.Info) error {
	readers := daemon.ReadersDir(r.into)
	if err := os.MkdirAll(readers, 0o700); err != nil {
		return err
	}
	p := fedmsg.Position{Log: info.ID, Seq: info.Last + 1}
	return durable.WriteFile(durable.OS{}, filepath.Join(readers, markReader), []byte(p.String()+"\n"), 0o600)
}

// publish gives a whole backup its name.
func publish(partial, dir string) error {
	if err := syncDirs(partial); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // it is empty, or has been filled meanwhile
		return err
	}
	if err := os.Rename(partial, dir); err != nil {
		return err
	}
	return durable.OS{}.SyncDir(filepath.Dir(dir))
}
