package spool

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

const (
	groupFiles = 256 // most files that are written, and held open, together
	groupSyncs = 16  // most of them that are synced at once: file systems join these into few writes of their journal
)

// group is envelopes that are written together: all their bytes are on disk before the first of them gets the name under
// which it is found, and one fsync of the directory is for all. Its spool's mu and mark are held.
type group struct {
	s     *Spool
	m     *mark
	files []*incoming
	count int   // those for which there was room
	bytes int64 // of these
}

// incoming is one file of a group.
type incoming struct {
	name, temp string // temp is where it is before it has its name
	size       int64
	f          *os.File // nil when it could not be made
	err        error    // its first fault; nothing more is done for it
}

// put writes the group. The fate of each envelope then stands in files.
func (g *group) put(envelopes [][]byte) {
	for _, e := range envelopes {
		w := &incoming{size: int64(len(e))}
		g.files = append(g.files, w)
		if w.err = g.s.room(g.m, w.size, g.count, g.bytes); w.err == nil {
			g.count++
			g.bytes += w.size
			w.err = g.write(w, e)
		}
	}
	g.sync((*os.File).Sync)
	for _, w := range g.files {
		if w.err == nil {
			w.err = g.rename(w)
		}
	}
	g.syncNames()
	for _, w := range g.files {
		w.close()
	}
}

// write makes the file under its first name.
func (g *group) write(w *incoming, envelope []byte) (err error) {
	w.name = g.m.name(time.Now())
	w.temp = filepath.Join(g.s.dir, tempPrefix+w.name)
	if err := g.s.step("create"); err != nil {
		return err
	}
	w.f, err = os.OpenFile(w.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o640)
	if err != nil {
		return err
	}
	if err := w.f.Chmod(0o640); err != nil { // the umask may have taken the group's right, by which the node reads
		return err
	}
	if err := g.s.step("write"); err != nil {
		return err
	}
	if _, err := w.f.Write(envelope); err != nil {
		return err
	}
	return g.s.step("sync")
}

// sync syncs all files that have no fault, several at once.
func (g *group) sync(one func(*os.File) error) {
	work := make(chan *incoming)
	var wg sync.WaitGroup
	for range min(groupSyncs, len(g.files)) {
		wg.Go(func() {
			for w := range work {
				w.err = one(w.f)
			}
		})
	}
	for _, w := range g.files {
		if w.err == nil {
			work <- w
		}
	}
	close(work)
	wg.Wait()
}

// rename gives the file the name under which it is found.
func (g *group) rename(w *incoming) error {
	g.m.announce(w.name, w.size)
	if err := g.s.step("rename"); err != nil {
		return err
	}
	if err := os.Rename(w.temp, filepath.Join(g.s.dir, w.name)); err != nil {
		return err
	}
	return g.s.step("renamed")
}

// syncNames makes the new names durable.
func (g *group) syncNames() {
	d, err := os.Open(g.s.dir)
	if errors.Is(err, fs.ErrPermission) {
		// Who may not list the directory may not open it either. The rename has changed the inodes, and journalling file
		// systems write the rename with them.
		g.sync((*os.File).Sync)
		return
	}
	if err == nil {
		err = errors.Join(g.s.step("names"), d.Sync(), d.Close())
	}
	for _, w := range g.files {
		if w.err == nil {
			w.err = err
		}
	}
}

// close closes the file, and removes what has not become of it a spooled one.
func (w *incoming) close() {
	if w.f == nil {
		return
	}
	if w.err = errors.Join(w.err, w.f.Close()); w.err != nil {
		w.err = errors.Join(w.err, ignoreMissing(os.Remove(w.temp)))
	}
}
