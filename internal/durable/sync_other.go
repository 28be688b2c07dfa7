//go:build !linux

package durable

import "os"

// dataSync makes bytes and length durable.
func dataSync(f *os.File) error { return f.Sync() }

// flock is not known here: two nodes on one state directory are not noticed.
func flock(*os.File) error { return nil }
