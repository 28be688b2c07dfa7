package commitlog

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// Held is a log on disk of which a copy is to be made. Its files are open, so that the copy has also what retention removes from the
// log meanwhile. It belongs to one goroutine, and must be closed.
type Held struct {
	c *checker
}

// Hold opens the log in dir for a copy, whether a process has it open or not. It changes nothing and takes no lock. It fails with
// CodeNotFound where there is no log, and with CodeFormat where a newer version wrote it.
func Hold(dir string) (*Held, error) { return holdLog(durable.OS{}, dir) }

func holdLog(fsys durable.FS, dir string) (*Held, error) {
	var err error
	for range infoTries {
		c := &checker{fs: fsys, dir: dir, report: func(Finding) {}}
		if err = c.open(); err == nil {
			return &Held{c}, nil
		}
		closeAll(c.segments)
		if !errors.Is(err, fs.ErrNotExist) || fedmsg.CodeOf(err) == fedmsg.CodeNotFound {
			break
		}
	}
	if fedmsg.CodeOf(err) == fedmsg.CodeInternal {
		err = fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot read the log in %s", dir)
	}
	return nil, err
}

// Close lets go of the log.
func (h *Held) Close() { closeAll(h.c.segments) }

// Copy makes a log in the directory into, which it makes, with all that was held and what was stored since, up to a write that is
// durable in the log; one that is under way is left out. The copy has the id of the log: whoever goes on with it must Adopt it. It is
// durable when Copy returns, but for the name of its directory. Indexes are left out: whoever opens the copy makes them.
//
// Damaged entries stay damaged. progress is told how many bytes of about how many are done, by the same goroutine; nil is nobody.
func (h *Held) Copy(ctx context.Context, into string, progress func(done, all int64)) (Info, error) {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	k := &copying{ctx: ctx, checker: h.c, into: into, progress: progress}
	err := k.run()
	if err == nil {
		return readInfo(h.c.fs, into)
	}
	if fedmsg.CodeOf(err) == fedmsg.CodeInternal && ctx.Err() == nil {
		err = fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot copy the log in %s to %s", h.c.dir, into)
	}
	return Info{}, err
}

// copying is one run of Copy.
type copying struct {
	*checker
	ctx      context.Context
	into     string
	progress func(done, all int64)
	done     int64
	buf      []byte
}

func (k *copying) run() error {
	if err := k.fs.Mkdir(k.into, 0o700); err != nil {
		return err
	}
	if err := k.extend(); err != nil {
		return err
	}
	last := k.durable
	for i, s := range k.segments {
		newest, err := k.copySegment(s, i == len(k.segments)-1)
		if err != nil {
			return err
		}
		last = max(last, newest)
	}
	if err := k.others(); err != nil {
		return err
	}
	if err := writeMeta(k.fs, k.into, k.meta); err != nil {
		return err
	}
	return writeMark(k.fs, k.into, last)
}

// extend adds the segments that were begun since the others were opened. Where retention has removed the newest of those, what
// follows would leave a hole: then the copy ends with them.
func (k *copying) extend() error {
	names, err := k.fs.List(k.dir)
	if err != nil {
		return err
	}
	newest := uint64(0)
	if n := len(k.segments); n > 0 {
		newest = k.segments[n-1].first
		if !slices.Contains(names, filepath.Base(k.segments[n-1].path)) {
			return nil
		}
	}
	for _, name := range names {
		first, ok := parseSegmentName(name)
		if !ok || first <= newest {
			continue
		}
		s := &segment{first: first, path: filepath.Join(k.dir, name)}
		if err := k.openSegment(s); errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return err
		}
		k.segments, k.all = append(k.segments, s), k.all+s.size
	}
	return nil
}

// copyTries bounds how often a segment is copied.
const copyTries = 3

// copySegment copies a segment, and gives its newest number. A copy in which something cannot be read is made again: the log may just
// have been erasing it. What then still cannot be is damaged.
func (k *copying) copySegment(s *segment, isLast bool) (newest uint64, err error) {
	out, err := k.fs.Create(filepath.Join(k.into, filepath.Base(s.path)), 0o600)
	if err != nil {
		return 0, err
	}
	before := k.done
	var found *scanned
	for try, spots := 0, 0; try < copyTries; try++ {
		k.done = before
		if found, err = k.bytes(s, out, isLast); err != nil || len(found.spots) == 0 || try > 0 && len(found.spots) == spots {
			break
		}
		spots = len(found.spots)
	}
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return 0, err
	}
	return s.first + found.count() - 1, nil
}

// bytes copies what is in a segment now, and cuts off the torn end of the last one. The log is synced before it is copied: no copy has
// what the log may lose, and give the number of to another entry.
func (k *copying) bytes(s *segment, out durable.File, isLast bool) (*scanned, error) {
	size, err := s.file.Size()
	if err == nil && isLast {
		err = s.file.Sync()
	}
	if err == nil {
		err = out.Truncate(0)
	}
	if err == nil {
		err = k.stretch(s.file, out, size)
	}
	if err != nil {
		return nil, err
	}
	found, err := scanSegment(out, s.first, size, nil)
	if err != nil || !isLast {
		return found, err
	}
	if spot, ok := found.torn(k.durable); ok {
		found.cut(spot)
		err = out.Truncate(spot.offset)
	}
	return found, err
}

// copyPiece is how many bytes are copied at once.
const copyPiece = 1 << 20

// stretch copies the first size bytes. What the disk cannot read is left empty.
func (k *copying) stretch(from, to durable.File, size int64) error {
	if err := to.Truncate(size); err != nil {
		return err
	}
	if k.buf == nil {
		k.buf = make([]byte, copyPiece)
	}
	for off := int64(0); off < size; {
		if err := k.ctx.Err(); err != nil {
			return err
		}
		n, errRead := from.ReadAt(k.buf[:min(copyPiece, size-off)], off)
		if _, err := to.WriteAt(k.buf[:n], off); err != nil {
			return err
		}
		off += int64(n)
		switch {
		case errRead != nil && durable.Unreadable(errRead):
			off = (off/badPage + 1) * badPage
		case isEOF(errRead):
			return to.Truncate(off) // a torn end was cut off in between
		case errRead != nil:
			return errRead
		}
		k.done += int64(n)
		k.progress(k.done, max(k.all, k.done))
	}
	return nil
}

// others copies what else the log has written down, as what it is about to erase.
func (k *copying) others() error {
	names, err := k.fs.List(k.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		_, isSegment := parseSegmentName(name)
		if isSegment || name == metaName || name == markName || name == lockName || strings.HasSuffix(name, indexSuffix) || strings.HasSuffix(name, tempSuffix) {
			continue
		}
		data, err := durable.ReadFile(k.fs, filepath.Join(k.dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = durable.WriteFile(k.fs, filepath.Join(k.into, name), data, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
