package commitlog

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

var badOptions = Options{SegmentBytes: 30 << 10}

const badCount = 150

// badLog makes a closed log whose segments have several pages.
func badLog(t *testing.T) *durabletest.Disk {
	t.Helper()
	disk := durabletest.NewDisk()
	o := badOptions
	o.FS = disk
	l := openLog(t, testDir, o)
	for i := 0; i < badCount; i += 3 {
		mustSubmit(t, l, records(i, 3, 400)...)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return disk
}

// TestBadSector makes each page of each segment unreadable, while the log is open and before it is opened. A reader gets a
// gap for the records in it and no others, ids are found, the log goes on, and health has failed until the page can be
// read: then nothing is missing.
func TestBadSector(t *testing.T) {
	t.Parallel()
	disk := badLog(t)
	for _, path := range logFiles(t, disk, segmentSuffix) {
		for page := range int64(len(disk.Bytes(path))+4095) / 4096 {
			for i, before := range []bool{true, true, false} {
				copied := disk.Crash(durabletest.KeepAll, nil)
				if i == 0 { // as a process leaves it that was killed: nothing helps
					for _, name := range append(logFiles(t, disk, indexSuffix), testDir+"/"+markName) {
						if err := copied.Remove(name); err != nil {
							t.Fatal(err)
						}
					}
				}
				if err := badSector(copied, path, page, before); err != nil {
					t.Fatalf("%s, page %d, way %d: %v", path, page, i, err)
				}
			}
		}
	}
}

func badSector(disk *durabletest.Disk, path string, page int64, before bool) error {
	o := badOptions
	o.FS = disk
	if before {
		disk.SetBad(path, page)
	}
	l, err := Open(testDir, o)
	if err != nil {
		return err
	}
	defer l.Close() //nolint:errcheck // closed below where it matters
	disk.SetBad(path, page)
	_, missing, err := readWithGaps(l)
	if err != nil || missing == 0 || missing > 11 {
		return fmt.Errorf("%d missing: %w", missing, err)
	}
	if s := l.Health()[4]; s.Level != Failed {
		return fmt.Errorf("health: %+v", s)
	}
	if _, err := check(disk, testDir, func(Finding) {}); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	if err := goOn(l, 1000); err != nil {
		return fmt.Errorf("while it cannot be read: %w", err)
	}
	disk.SetBad(path)
	for i := 0; i < 1_000_000 && l.Health()[4].Level == Failed; i++ { // the writer may have to end the segment in between
		l.probe()
		runtime.Gosched()
	}
	if s := l.Health()[4]; s.Level == Failed {
		return fmt.Errorf("health after it can be read again: %+v", s)
	}
	l.writeIndexes()
	if err := findAll(l); err != nil {
		return err
	}
	if err := l.Close(); err != nil {
		return err
	}
	if l, err = Open(testDir, o); err != nil {
		return err
	}
	defer l.Close() //nolint:errcheck // nothing was written
	if err := findAll(l); err != nil {
		return fmt.Errorf("opened again: %w", err)
	}
	entries, _, err := readWithGaps(l)
	if err != nil || entries != badCount+1 {
		return fmt.Errorf("%d entries when all can be read: %w", entries, err)
	}
	return nil
}

// findAll looks for all ids.
func findAll(l *Log) error {
	for i := range badCount {
		if e, ok, err := l.Find(record(i, 400).ID); !ok || err != nil || e.Position.Seq != uint64(i+1) {
			return fmt.Errorf("id %d is not found: %v", i, err)
		}
	}
	return nil
}

// goOn submits a new record, whose number must not have been used.
func goOn(l *Log, n int) error {
	ticket, err := l.Submit(context.Background(), record(n, 400))
	if err != nil {
		return err
	}
	out, err := ticket.Wait(context.Background())
	if err != nil || out[0].Err != nil || out[0].Receipt.Seq <= badCount {
		return fmt.Errorf("%+v %w", out, err)
	}
	return nil
}

// readWithGaps reads a log to its end. Entries and gaps must follow each other without a hole.
func readWithGaps(l *Log) (entries, missing int, err error) {
	r := l.Reader(0)
	defer r.Close() //nolint:errcheck // nothing was written
	for next := uint64(1); ; {
		e, err := r.Next()
		var gap *fedmsg.Gap
		switch {
		case isEOF(err):
			return entries, missing, nil
		case errors.As(err, &gap):
			if gap.From.Seq != next || gap.To.Seq < next {
				return entries, missing, fmt.Errorf("at %d: %w", next, err)
			}
			if next <= badCount {
				missing += int(min(gap.To.Seq, badCount) - next + 1)
			}
			next = gap.To.Seq + 1
		case err != nil:
			return entries, missing, fmt.Errorf("at %d: %w", next, err)
		case e.Position.Seq != next || next <= badCount && e.ID != record(int(next-1), 0).ID:
			return entries, missing, fmt.Errorf("at %d: wrong entry %d, %s", next, e.Position.Seq, e.ID)
		default:
			entries, next = entries+1, next+1
		}
	}
}

// TestBadIndexSector makes index files unreadable: everything is read and every id is found.
func TestBadIndexSector(t *testing.T) {
	disk := badLog(t)
	o := badOptions
	o.FS = disk
	l := openLog(t, testDir, o)
	for _, path := range logFiles(t, disk, indexSuffix) {
		disk.SetBad(path, 0, 1)
	}
	for i := range badCount {
		if e, err := l.Get(uint64(i + 1)); err != nil || e.ID != record(i, 0).ID {
			t.Fatalf("Get(%d): %v", i+1, err)
		}
		if r := mustSubmit(t, l, record(i, 400)); !r[0].Duplicate {
			t.Fatalf("%+v", r)
		}
	}
}
