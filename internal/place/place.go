// Package place keeps where a reader stands, in a small file.
//
// It promises that saving costs one write of one sector and no sync, so that it can be done after each delivery; that what was
// saved survives the end of the process, and what was synced that of the machine; and that a reader of the file sees the old
// position or the new one. A place that is lost is older than the reader was: it repeats, and never skips.
package place

import "github.com/federated-messaging/fedmsg"

// File is the place of one reader. One goroutine uses it.
type File struct{}

// Open reads or makes the file. A file that cannot be understood is an error with CodeBadPosition: nobody but a person can say
// where its reader stood. Hold is written beside the position: it tells retention to keep what the reader has not taken.
func Open(path string, hold bool) (*File, error) { panic("not built") }

// Position is what was saved last; the zero Position of a new file.
func (f *File) Position() fedmsg.Position { panic("not built") }

// Save writes the position. An error says that the file has the old one or none.
func (f *File) Save(p fedmsg.Position) error { panic("not built") }

// Close syncs and closes it.
func (f *File) Close() error { panic("not built") }
