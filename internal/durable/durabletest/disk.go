// Package durabletest is a disk in memory that fails as real ones do, for tests of what is built on package durable.
//
// It promises to lose everything that a real disk may lose: after Crash there is only what was synced, each other write is
// there, or not, or in part, in any order, and so is each name that was made or removed since the last SyncDir. It can stop
// at the N-th operation, fail the N-th operation of a kind with or without having done it, and run full.
package durabletest

import (
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"

	"github.com/federated-messaging/fedmsg/internal/durable"
)

// Op is a kind of operation that changes the disk or makes a change durable.
type Op string

// The kinds.
const (
	OpCreate   Op = "create"
	OpWrite    Op = "write"
	OpSync     Op = "sync"
	OpTruncate Op = "truncate"
	OpRename   Op = "rename"
	OpRemove   Op = "remove"
	OpSyncDir  Op = "syncdir"
)

// Disk is a disk in memory with directories one level deep. Its methods may be called by any number of goroutines.
type Disk struct {
	mu     sync.Mutex
	before Hook
	after  Hook
	skip   func(op Op, name string) bool
	space  int64

	n     int // operations so far
	names map[string]*inode
	kept  map[string]*inode // the names as they are on the medium
	order []change          // changes of names since the last SyncDir
	locks map[string]bool
	used  int64
}

// Hook is called with an operation's number, from 1; an error is what the caller of the operation gets. It is called with
// the disk's lock held, so that other operations wait while it blocks.
type Hook func(n int, op Op, name string) error

// SetHooks sets what is called before each operation, which is not done if that fails, and what is called after it was
// done: failed, but it happened. Nil is nothing.
func (d *Disk) SetHooks(before, after Hook) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before, d.after = before, after
}

// SetSkip sets what tells of an operation that is left out while its caller is told that it was done.
func (d *Disk) SetSkip(skip func(op Op, name string) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.skip = skip
}

// SetSpace bounds the bytes of all files; 0 is no bound. A write that does not fit is done in part.
func (d *Disk) SetSpace(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.space = bytes
}

// inode is one file.
type inode struct {
	data   []byte
	kept   []byte  // what is on the medium
	writes []write // since the last sync, in order
	bad    []int64 // numbers of the pages that cannot be read
}

// page is what cannot be read where a sector is bad.
const page = 4096

// badFrom gives where what cannot be read begins between from and to.
func (f *inode) badFrom(from, to int64) (at int64, ok bool) {
	for at := from; at < to; at = (at/page + 1) * page {
		if slices.Contains(f.bad, at/page) {
			return at, true
		}
	}
	return 0, false
}

// SetBad makes the pages with these numbers of a file unreadable: reading them fails with EIO. Pages have 4096 bytes. No
// numbers make all of it readable again.
func (d *Disk) SetBad(name string, pages ...int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.names[name]; f != nil {
		f.bad = pages
	}
}

// write is one change of a file that is not durable; truncation is one with nil data.
type write struct {
	off  int64
	data []byte
}

// apply gives what is on the medium when the write has reached it.
func (w write) apply(kept []byte) []byte {
	if w.data == nil {
		return resize(kept, w.off)
	}
	kept = resize(kept, max(int64(len(kept)), w.off+int64(len(w.data))))
	copy(kept[w.off:], w.data)
	return kept
}

// change is one change of a name that is not durable; file is nil for a removal.
type change struct {
	name string
	file *inode
}

var _ durable.FS = (*Disk)(nil)

// NewDisk gives an empty disk.
func NewDisk() *Disk {
	return &Disk{names: make(map[string]*inode), kept: make(map[string]*inode), locks: make(map[string]bool)}
}

// Ops is the number of operations so far.
func (d *Disk) Ops() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.n
}

// do runs one operation between the hooks.
func (d *Disk) do(op Op, name string, run func() error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.n++
	if d.before != nil {
		if err := d.before(d.n, op, name); err != nil {
			return err
		}
	}
	if d.skip == nil || !d.skip(op, name) {
		if err := run(); err != nil {
			return err
		}
	}
	if d.after != nil {
		return d.after(d.n, op, name)
	}
	return nil
}

// Create makes a new file.
func (d *Disk) Create(name string, _ fs.FileMode) (durable.File, error) {
	var f *inode
	err := d.do(OpCreate, name, func() error {
		if d.names[name] != nil {
			return &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
		}
		f = &inode{}
		d.setName(name, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &file{disk: d, name: name, inode: f}, nil
}

// setName changes what a name stands for, now.
func (d *Disk) setName(name string, f *inode) {
	if f == nil {
		delete(d.names, name)
	} else {
		d.names[name] = f
	}
	d.order = append(d.order, change{name, f})
}

// Open opens an existing file.
func (d *Disk) Open(name string, readOnly bool) (durable.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.names[name]
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &file{disk: d, name: name, inode: f, readOnly: readOnly}, nil
}

// Rename moves a file.
func (d *Disk) Rename(from, to string) error {
	return d.do(OpRename, to, func() error {
		f := d.names[from]
		if f == nil {
			return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
		}
		d.free(d.names[to])
		d.setName(to, f)
		d.setName(from, nil)
		return nil
	})
}

// Remove removes a file.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	missing := d.names[name] == nil
	d.mu.Unlock()
	if missing { // nothing happens on the disk, so that it is no operation to count
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	return d.do(OpRemove, name, func() error {
		d.free(d.names[name])
		d.setName(name, nil)
		return nil
	})
}

// free gives back the space of a file that lost its name.
func (d *Disk) free(f *inode) {
	if f != nil {
		d.used -= int64(len(f.data))
	}
}

// Mkdir does nothing: directories are there.
func (d *Disk) Mkdir(string, fs.FileMode) error { return nil }

// List gives the sorted names in dir.
func (d *Disk) List(dir string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for name := range d.names {
		if filepath.Dir(name) == dir {
			names = append(names, filepath.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

// SyncDir makes the names durable.
func (d *Disk) SyncDir(dir string) error {
	return d.do(OpSyncDir, dir, func() error {
		rest := d.order[:0]
		for _, c := range d.order {
			if filepath.Dir(c.name) == dir {
				apply(d.kept, c)
			} else {
				rest = append(rest, c)
			}
		}
		d.order = rest
		return nil
	})
}

func apply(names map[string]*inode, c change) {
	if c.file == nil {
		delete(names, c.name)
	} else {
		names[c.name] = c.file
	}
}

// Lock takes a lock.
func (d *Disk) Lock(name string) (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locks[name] {
		return nil, durable.ErrLocked
	}
	d.locks[name] = true
	return unlock{d, name}, nil
}

type unlock struct {
	disk *Disk
	name string
}

func (u unlock) Close() error {
	u.disk.mu.Lock()
	defer u.disk.mu.Unlock()
	delete(u.disk.locks, u.name)
	return nil
}

// Fate says what becomes of what was not synced.
type Fate uint8

// The fates.
const (
	LoseAll Fate = iota // nothing of it is on the medium: what a drive without power may do
	KeepAll             // all of it is: a process that was killed
	Some                // any part of it is, in any order
)

// Crash gives the disk as it is found after the machine or the process stopped, without hooks, limits or locks. The old
// one stays as it is, so that many crashes can be tried at one point.
func (d *Disk) Crash(fate Fate, rnd *rand.Rand) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	after := NewDisk()
	names := maps.Clone(d.kept)
	for _, c := range d.order {
		if fate == KeepAll || fate == Some && rnd.IntN(2) == 0 {
			apply(names, c)
		}
	}
	copies := make(map[*inode]*inode)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		f := names[name]
		if copies[f] == nil {
			data := f.crash(fate, rnd)
			copies[f] = &inode{data: data, kept: slices.Clone(data)}
			after.used += int64(len(data))
		}
		after.names[name], after.kept[name] = copies[f], copies[f]
	}
	return after
}

// sector is what a disk writes in one piece.
const sector = 512

// crash gives what is found of one file.
func (f *inode) crash(fate Fate, rnd *rand.Rand) []byte {
	if fate == KeepAll {
		return slices.Clone(f.data)
	}
	data := slices.Clone(f.kept)
	if fate == LoseAll {
		return data
	}
	for _, w := range f.writes {
		if w.data == nil {
			if rnd.IntN(2) == 0 {
				data = resize(data, w.off)
			}
			continue
		}
		for len(w.data) > 0 {
			n := min(len(w.data), sector-int(w.off%sector))
			if rnd.IntN(3) > 0 {
				data = resize(data, max(int64(len(data)), w.off+int64(n)))
				copy(data[w.off:], w.data[:n])
			}
			w.off, w.data = w.off+int64(n), w.data[n:]
		}
	}
	return data
}

func resize(b []byte, size int64) []byte {
	if size <= int64(len(b)) {
		return b[:size:size] // what is appended later does not come back
	}
	return append(b, make([]byte, size-int64(len(b)))...)
}

// Restart takes away hooks, limits and locks: the process died, and the machine goes on. What was not synced is still not
// durable.
func (d *Disk) Restart() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before, d.after, d.skip, d.space = nil, nil, nil, 0
	clear(d.locks)
}

// Bytes gives the content of a file now, for tests that look at it or damage it; nil where there is none.
func (d *Disk) Bytes(name string) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.names[name]; f != nil {
		return slices.Clone(f.data)
	}
	return nil
}

// SetBytes changes the content of a file behind its users' back, on the medium too.
func (d *Disk) SetBytes(name string, data []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.names[name]
	if f == nil {
		f = &inode{}
		d.names[name], d.kept[name] = f, f
	}
	d.used += int64(len(data) - len(f.data))
	f.data, f.kept, f.writes = slices.Clone(data), slices.Clone(data), nil
}
