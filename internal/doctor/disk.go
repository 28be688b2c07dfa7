package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// room is what a file system has free for ordinary users.
type room struct {
	device        uint64
	free, all     uint64 // bytes
	inodes, nodes uint64 // free, and in all; a file system that makes them as needed has none
}

// roomOf looks at the file system of a path, or of the nearest directory above it that is there.
func roomOf(path string) (r room, err error) {
	var st unix.Stat_t
	for err = unix.Stat(path, &st); errors.Is(err, fs.ErrNotExist) && path != "/"; err = unix.Stat(path, &st) {
		path = filepath.Dir(path)
	}
	if err != nil {
		return r, err
	}
	var v unix.Statfs_t
	if err := unix.Statfs(path, &v); err != nil {
		return r, err
	}
	block := uint64(v.Bsize)                                                               //nolint:unconvert // its type differs between systems
	return room{uint64(st.Dev), v.Bavail * block, v.Blocks * block, v.Ffree, v.Files}, nil //nolint:unconvert // as above
}

// disk compares what the file systems have free with what the log may still take.
func (s *Subject) disk(context.Context) []Finding {
	c := &s.Loaded.Config
	var all []Finding
	seen := map[uint64]bool{}
	for _, d := range []struct{ key, path string }{{"state", c.State}, {"spool.directory", c.Spool.Directory}} {
		if d.path == "" {
			continue
		}
		looked := d.key + " (" + d.path + ")"
		r, err := roomOf(d.path)
		if err != nil {
			all = append(all, unreadable(looked, err))
			continue
		}
		if seen[r.device] {
			continue
		}
		seen[r.device] = true
		grows := uint64(0)
		if d.key == "state" {
			grows = s.mayGrow()
		}
		all = append(all, ofRoom(looked, r, grows, uint64(max(0, c.Log.SegmentBytes))))
	}
	return all
}

// mayGrow is how many bytes the log may still take before retention makes room; without a limit it is 0.
func (s *Subject) mayGrow() uint64 {
	c := &s.Loaded.Config
	info, _ := commitlog.ReadInfo(daemon.LogDir(c.State)) // of one that cannot be read, another check says so
	if c.Log.MaxBytes <= info.Bytes {
		return 0
	}
	return uint64(c.Log.MaxBytes - info.Bytes)
}

// ofRoom judges a file system on which the log may grow by so much, and needs at least a segment.
func ofRoom(looked string, r room, grows, segment uint64) Finding {
	const cure = "make room, move it to a larger disk, or let the log be smaller: log.max_bytes, log.max_age"
	least := min(segment, r.all/20)
	switch {
	case r.free < least:
		return failed(looked, fmt.Sprintf("only %s are free of %s", ops.ByteSize(int64(r.free)), ops.ByteSize(int64(r.all))), cure)
	case r.nodes > 0 && r.inodes < r.nodes/100:
		return failed(looked, fmt.Sprintf("only %d inodes are free of %d", r.inodes, r.nodes), "remove small files there, or make the file system anew with more inodes")
	case r.free < grows:
		return warning(looked, fmt.Sprintf("%s are free, and the log may grow by %s before its retention makes room; the archive comes on top", ops.ByteSize(int64(r.free)), ops.ByteSize(int64(grows))), cure)
	case r.free < r.all/20:
		return warning(looked, fmt.Sprintf("only %s are free of %s", ops.ByteSize(int64(r.free)), ops.ByteSize(int64(r.all))), cure)
	}
	return ok(looked, "%s are free of %s", ops.ByteSize(int64(r.free)), ops.ByteSize(int64(r.all)))
}
