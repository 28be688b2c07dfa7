// Package stamp tells one state of a file from another without reading it.
//
// It promises that two stamps differ where the file was replaced, written, given other rights or another owner, came or went,
// as far as the file system shows it: what is written in place twice within one tick of its clock may look the same.
package stamp

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Stamp is one state of a file, which == compares. The zero value is that of a file which does not exist.
type Stamp struct {
	there, hidden bool   // it exists; it cannot be looked at
	inode         uint64 // an atomic replacement changes it even within one tick of the clock
	// Mode and owner decide whether a file may be used.
	uid         uint32
	mode        fs.FileMode
	size, mtime int64
}

// Of looks at the file at path. It is called before the file is read: what changes in between is seen by the next look.
func Of(path string) Stamp {
	info, err := os.Stat(path)
	if err != nil {
		return Stamp{hidden: !errors.Is(err, fs.ErrNotExist)}
	}
	s := Stamp{there: true, size: info.Size(), mode: info.Mode(), mtime: info.ModTime().UnixNano()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode, s.uid = st.Ino, st.Uid
	}
	return s
}
