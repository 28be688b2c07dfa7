package commitlog

import (
	"errors"
	"io/fs"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// ReadInfo describes the log in dir without opening it: it changes nothing, takes no lock, and works beside a process that
// has the log open, of which it tells what was stored a moment ago. It reads the last segment and a record of the first one.
// It fails with CodeNotFound where there is no log, and with CodeFormat where a newer version wrote it.
func ReadInfo(dir string) (Info, error) { return readInfo(durable.OS{}, dir) }

// infoTries bounds how often ReadInfo begins anew because retention removed a segment under it.
const infoTries = 5

func readInfo(fsys durable.FS, dir string) (info Info, err error) {
	for range infoTries {
		c := &checker{fs: fsys, dir: dir, report: func(Finding) {}}
		err = c.open()
		if err == nil {
			err = c.info()
		}
		closeAll(c.segments)
		info = c.sum.Info
		if !errors.Is(err, fs.ErrNotExist) || fedmsg.CodeOf(err) == fedmsg.CodeNotFound {
			break
		}
	}
	if err != nil && fedmsg.CodeOf(err) == fedmsg.CodeInternal {
		err = fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot read the log in %s", dir)
	}
	return info, err
}

// info fills in what can be told without reading all of the log.
func (c *checker) info() error {
	for i, s := range c.segments {
		c.sum.Bytes += s.size
		if size, err := fileSize(c.fs, indexPath(s.path)); err == nil {
			c.sum.Bytes += size
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if c.sum.Oldest.IsZero() && i < len(c.segments)-1 {
			if err := c.oldest(s); err != nil {
				return err
			}
		}
	}
	if len(c.segments) == 0 {
		return nil
	}
	s := c.segments[len(c.segments)-1]
	found, err := c.scan(s.file, s.first, s.size, nil)
	if err != nil {
		return err
	}
	if spot, ok := found.torn(c.durable); ok {
		found.cut(spot)
	}
	c.sum.Last = max(s.first+found.count()-1, c.durable)
	if found.oldest != 0 && c.sum.Oldest.IsZero() {
		c.sum.Oldest = nanoTime(found.oldest)
	}
	if found.newest != 0 {
		c.sum.Newest = nanoTime(found.newest)
		return nil
	}
	return c.newest()
}

// oldest takes the time of the first record of s, if it can be read.
func (c *checker) oldest(s *segment) error {
	scan := scanner{file: s.file, off: segmentHead, end: s.size, chunk: lookupChunk, max: maxChunk}
	h, _, err := scan.peek()
	if err == nil {
		c.sum.Oldest = nanoTime(h.received)
	} else if !noRecord(err) && !isEOF(err) {
		return err
	}
	return nil
}

// newest takes the time of the newest record from the segments before the last, which is empty.
func (c *checker) newest() error {
	for i := len(c.segments) - 2; i >= 0; i-- {
		s := c.segments[i]
		found, err := c.scan(s.file, s.first, s.size, nil)
		if err != nil {
			return err
		}
		if found.newest != 0 {
			c.sum.Newest = nanoTime(found.newest)
			return nil
		}
	}
	return nil
}

// fileSize is the size of a file.
func fileSize(fsys durable.FS, name string) (int64, error) {
	f, err := fsys.Open(name, true)
	if err != nil {
		return 0, err
	}
	size, err := f.Size()
	return size, errors.Join(err, f.Close())
}
