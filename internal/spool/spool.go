// Package spool is the publisher's outbox on disk for when no node answers.
//
// It promises that an envelope which Write took survives a crash and a power cut (fsync, then rename, then fsync of the
// directory), that one user's envelopes are handed on in the order in which they were written, and that nothing is deleted
// that was not delivered: what a node refuses for good is moved to rejected/ with the reason beside it. It never follows a
// link. One directory may serve several users who cannot see each other's files (mode 3733); the sender of an envelope is
// the owner of its file, nothing that stands in it.
//
// It does not send anything, start goroutines, or decide when to try again: its users do.
package spool

import (
	"context"
	"os"
	"path/filepath"
	"sync"
)

// Shared is the directory that a package installs for all users, owned by the node's user, with mode 3733.
const Shared = "/var/spool/fedmsg"

// Options bounds a spool. The zero value has the defaults.
type Options struct {
	Files     int   // most envelopes of one user waiting; zero means 100,000
	Bytes     int64 // most bytes of one user waiting; zero means 1 GiB
	FileBytes int64 // most bytes of one envelope; a larger file is rejected unread; zero means 4 MiB
}

// Spool is one directory. It is safe for concurrent use, also by several processes and users.
type Spool struct {
	dir   string
	o     Options
	fault func(step string) error // of tests; nil otherwise

	mu     sync.Mutex // held while a file is written
	newest string     // the last name that this process gave; guarded by mu
}

// File is one spooled envelope as Drain hands it on.
type File struct {
	Name     string // inside the directory
	Owner    uint32 // uid of the file's owner, who is the sender
	Envelope []byte // owned by the receiver
}

// Deliver hands some envelopes on, each user's in order, and gives the fate of each from the front: nil when it is durable
// elsewhere; an error whose code says that the message itself is wrong moves the file to rejected/, and CodeRedacted removes it;
// any other keeps the file and ends the drain. It may give fewer than it was given: the rest is as if it had not been called for them.
type Deliver func(context.Context, []File) []error

// Summary counts what one Drain did.
type Summary struct {
	Delivered, Rejected int
	Empty               bool // nothing was left when it ended
}

// DefaultDir is where a publisher spools: [Shared] if it exists, else fedmsg/spool in $XDG_STATE_HOME, else in
// ~/.local/state. It is empty when none of them can be named.
func DefaultDir(getenv func(string) string) string {
	if info, err := os.Stat(Shared); err == nil && info.IsDir() {
		return Shared
	}
	return UserDir(getenv)
}

// UserDir is the spool of one user alone, used where [Shared] does not exist.
func UserDir(getenv func(string) string) string {
	if state := getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "fedmsg", "spool")
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "fedmsg", "spool")
	}
	return ""
}

// New names a spool; nothing is touched before it is used.
func New(dir string, o Options) *Spool {
	if o.Files <= 0 {
		o.Files = 100_000
	}
	if o.Bytes <= 0 {
		o.Bytes = 1 << 30
	}
	if o.FileBytes <= 0 {
		o.FileBytes = 4 << 20
	}
	return &Spool{dir: dir, o: o}
}

// Dir is the directory.
func (s *Spool) Dir() string { return s.dir }
