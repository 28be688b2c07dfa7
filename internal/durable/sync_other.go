//go:build !linux

package durable

import (
	"errors"
	"os"
	"syscall"
)

// dataSync makes bytes and length durable.
func dataSync(f *os.File) error { return f.Sync() }

// Unreadable reports whether err is that of a device which cannot give bytes that are there. Reading elsewhere may succeed,
// and so may reading again.
func Unreadable(err error) bool { return errors.Is(err, syscall.EIO) }

// flock is not known here: two nodes on one state directory are not noticed.
func flock(*os.File) error { return nil }

func unlock(*os.File) error { return nil }
