package commitlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// Open opens the log in dir, which it makes if needed, and recovers from whatever ended the last process. It fails with
// CodeLocked while another process has the log open, and with CodeFormat where a newer version wrote it. Where a saved
// position lies beyond the end it opens, but Submit fails with CodeLogAhead. Whoever gets a log must Close it.
func Open(dir string, o Options) (*Log, error) {
	o = o.withDefaults()
	if err := makeDir(o.FS, dir); err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make the directory of the log, %s", dir)
	}
	lock, err := lockSoon(o.FS, filepath.Join(dir, lockName))
	if errors.Is(err, durable.ErrLocked) {
		return nil, fedmsg.WrapError(fedmsg.CodeLocked, err, "cannot open the log in %s: another process has it open; stop that node first", dir)
	}
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot lock the log in %s", dir)
	}
	l := &Log{
		dir: dir, o: o, lock: lock, queue: newQueue(o.QueueBytes),
		writerDone: make(chan struct{}), keeperDone: make(chan struct{}),
	}
	l.keeper.kick, l.keeper.done = make(chan struct{}, 1), make(chan struct{})
	if err := l.load(); err != nil {
		_ = l.shut()
		if fedmsg.CodeOf(err) == fedmsg.CodeInternal {
			err = fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot open the log in %s", dir)
		}
		return nil, err
	}
	w := &writer{log: l, active: l.segments[len(l.segments)-1], first: make(map[string]int), clock: clock{now: o.Now}}
	w.clock.newest = l.newest()
	l.checkClock(w.clock.newest)
	l.checkPins()
	l.noteMissing()
	go w.run()
	go l.keep()
	l.keeper.wake()
	return l, nil
}

// The lock is tried again so often, and for so long.
const (
	lockEvery = 20 * time.Millisecond
	lockFor   = time.Second
)

// lockSoon takes the lock, or waits a moment for it. A node that was killed while it started a program leaves it to that child
// until the child is its own program, which is soon, but behind the death of the node: whoever starts it again at once must not
// be told that it runs.
func lockSoon(fsys durable.FS, name string) (io.Closer, error) {
	var tick *time.Ticker
	for left := lockFor / lockEvery; ; left-- {
		lock, err := fsys.Lock(name)
		if left == 0 || !errors.Is(err, durable.ErrLocked) {
			return lock, err
		}
		if tick == nil {
			tick = time.NewTicker(lockEvery)
			defer tick.Stop()
		}
		<-tick.C
	}
}

// makeDir makes the directory and its name durable. A name that was there may not be durable yet: the process that made it
// may have been killed before it could see to that.
func makeDir(fsys durable.FS, dir string) error {
	_, err := fsys.List(dir)
	made := err != nil
	if made {
		if err := fsys.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	err = fsys.SyncDir(filepath.Dir(dir))
	if !made && errors.Is(err, fs.ErrPermission) {
		return nil // whoever owns the directory above made this one
	}
	return err
}

// newest is when the newest entry was received, in nanoseconds.
func (l *Log) newest() int64 {
	newest := int64(0)
	for _, s := range l.segments {
		newest = max(newest, s.newest)
	}
	return newest
}

// checkClock warns where the newest entry is of the future.
func (l *Log) checkClock(newest int64) {
	if behind := nanoTime(newest).Sub(l.o.Now()); behind > maxClockStep {
		l.health.behind = behind
		l.o.Logger.Warn("clock is behind the newest entry", "behind", behind)
	}
}

// checkPins looks for saved positions beyond the end: then this log is an older copy, and its next numbers were given to
// other entries before.
func (l *Log) checkPins() {
	for _, p := range l.o.Pins() {
		if p.Position.Log != l.meta.ID || p.Position.Seq <= l.last {
			continue
		}
		l.health.ahead = fmt.Sprintf("nothing is stored: the log ends at %d, but the saved position of %s is %s; the log was restored from an older copy. "+
			"Restore the newer one, or stop the node and run `fedmsg log adopt` to go on with a new id", l.last, p.Name, p.Position)
		l.o.Logger.Error("saved position lies beyond the end of the log", "reader", p.Name, "position", p.Position.String(), "last", l.last)
		return
	}
}

// load reads what is in the directory.
func (l *Log) load() error {
	names, err := l.o.FS.List(l.dir)
	if err != nil {
		return err
	}
	var segments []*segment
	for _, name := range names {
		if first, ok := parseSegmentName(name); ok {
			segments = append(segments, &segment{first: first, path: filepath.Join(l.dir, name)})
		}
	}
	durableTo, err := readMark(l.o.FS, l.dir)
	if err != nil {
		return err
	}
	l.keeper.marked = durableTo
	if err := l.openFiles(segments); err != nil {
		return err
	}
	if err := l.loadMeta(segments); err != nil {
		closeAll(segments)
		return err
	}
	l.tidy(names, segments)
	// A process that was killed may have left names that are not durable yet, and what is stored next relies on them.
	if err := l.o.FS.SyncDir(l.dir); err != nil {
		closeAll(segments)
		return err
	}
	if err := l.finishIntent(segments); err != nil {
		closeAll(segments)
		return err
	}
	if l.segments, err = l.dropForeign(segments); err != nil {
		return err
	}
	if len(l.segments) == 0 {
		return l.begin(durableTo)
	}
	if err := l.loadFull(); err != nil {
		return err
	}
	possible, err := l.recoverLast(durableTo)
	if err != nil {
		return err
	}
	l.fillTimes()
	for _, s := range l.segments {
		l.bytes += s.size + s.indexBytes()
	}
	return l.sealLost(max(durableTo, possible))
}

// tidy removes index files whose segment is gone: retention was interrupted between the two. And it removes what was to be
// renamed and was not.
func (l *Log) tidy(names []string, segments []*segment) {
	known := make(map[string]bool, len(segments))
	for _, s := range segments {
		known[filepath.Base(indexPath(s.path))] = true
	}
	for _, name := range names {
		if strings.HasSuffix(name, tempSuffix) || strings.HasSuffix(name, indexSuffix) && !known[name] {
			_ = l.o.FS.Remove(filepath.Join(l.dir, name)) // best effort
		}
	}
}

// openFiles opens the segment files and reads their heads.
func (l *Log) openFiles(segments []*segment) error {
	for i, s := range segments {
		var err error
		s.file, err = l.o.FS.Open(s.path, i < len(segments)-1)
		if err == nil {
			s.refs.Store(1)
			s.size, err = s.file.Size()
		}
		var first uint64
		if err == nil {
			s.id, first, err = decodeSegmentHead(s.file)
		}
		if errors.Is(err, errBroken) || err == nil && first != s.first {
			s.id, err = "", nil
		}
		if durable.Unreadable(err) {
			s.badHead, err = true, nil
		}
		if err != nil {
			closeAll(segments[:i+1])
			return err
		}
	}
	return nil
}

func closeAll(segments []*segment) {
	for _, s := range segments {
		if s.file != nil {
			_ = s.file.Close() // nothing was written
		}
	}
}

// loadMeta reads log.json, or makes it.
func (l *Log) loadMeta(segments []*segment) error {
	m, err := readMeta(l.o.FS, l.dir)
	if err == nil {
		l.meta = m
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errBroken) {
		return err
	}
	m, ok := rebuildMeta(segments)
	switch {
	case ok:
		l.o.Logger.Warn("log.json is missing or unreadable, made again from the segments", "dir", l.dir, "id", m.ID)
	case errors.Is(err, errBroken) || len(segments) > 0:
		return fedmsg.WrapError(fedmsg.CodeDamaged, err, "cannot open the log in %s: log.json is unreadable, and no segment tells the log's id; restore the directory from a backup", l.dir)
	default:
		m = meta{Format: format, ID: newLogID()}
	}
	if err := writeMeta(l.o.FS, l.dir, m); err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot write log.json in %s", l.dir)
	}
	l.meta = m
	return nil
}

// dropForeign leaves out segments of other logs, which somebody must have put there. Their numbers count as damaged.
func (l *Log) dropForeign(segments []*segment) ([]*segment, error) {
	kept := make([]*segment, 0, len(segments))
	for i, s := range segments {
		if s.id == "" || l.meta.knows(s.id) {
			kept = append(kept, s)
			continue
		}
		if i == len(segments)-1 {
			closeAll(segments)
			return nil, fedmsg.Errorf(fedmsg.CodeDamaged, "cannot open the log in %s: its last segment %s is of another log, %s; move it away", l.dir, filepath.Base(s.path), s.id)
		}
		l.o.Logger.Error("a segment is of another log, it is left out", "segment", filepath.Base(s.path), "id", s.id)
		_ = s.file.Close()
	}
	return kept, nil
}

// begin makes the first segment of a log that has none.
func (l *Log) begin(durableTo uint64) error {
	s, err := createSegment(l.o.FS, l.dir, l.meta, durableTo+1)
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make the first segment of the log in %s", l.dir)
	}
	l.segments, l.last, l.bytes = []*segment{s}, durableTo, segmentHead
	return nil
}

// loadFull loads the indexes of all segments but the last, several at a time.
func (l *Log) loadFull() error {
	full := l.segments[:len(l.segments)-1]
	for i, s := range full {
		s.count = l.segments[i+1].first - s.first
	}
	var wg sync.WaitGroup
	errs := make([]error, len(full))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, s := range full {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = l.loadIndex(s)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// loadIndex opens the index of a full segment, or makes it again.
func (l *Log) loadIndex(s *segment) error {
	file, err := l.o.FS.Open(indexPath(s.path), true)
	if err == nil {
		x, err := openIndex(file)
		if err == nil && x.first == s.first && x.segmentBytes == s.size && uint64(x.count) <= s.count {
			s.oldest, s.newest = x.oldest, x.newest
			s.full.Store(&fullIndex{disk: x})
			return nil
		}
		if err == nil {
			_ = x.close()
		}
		l.o.Logger.Warn("index does not fit its segment, making it again", "segment", filepath.Base(s.path), "error", err)
	}
	found, err := scanSegment(s.file, s.first, s.size, nil)
	if err != nil {
		return err
	}
	l.noteSpots(s, found)
	s.oldest, s.newest = found.oldest, found.newest
	s.full.Store(&fullIndex{mem: found.index})
	if found.bad {
		return nil
	}
	if disk, err := l.writeIndex(s, found.index); err == nil {
		s.full.Store(&fullIndex{disk: disk})
	}
	return nil // an index that cannot be written stays in memory; the keeper tries again
}
