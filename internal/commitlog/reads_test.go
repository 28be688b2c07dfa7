package commitlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/bits"
	"sync/atomic"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

// countedFS is a file layer that counts what is read, in pages of 4096 bytes, so that one large read is not taken for a
// small one.
type countedFS struct {
	durable.FS
	pages atomic.Int64
}

func (c *countedFS) Create(name string, perm fs.FileMode) (durable.File, error) {
	f, err := c.FS.Create(name, perm)
	return countedFile{f, c}, err
}

func (c *countedFS) Open(name string, readOnly bool) (durable.File, error) {
	f, err := c.FS.Open(name, readOnly)
	return countedFile{f, c}, err
}

type countedFile struct {
	durable.File
	count *countedFS
}

func (f countedFile) ReadAt(p []byte, off int64) (int, error) {
	f.count.pages.Add(int64(len(p)+4095) / 4096)
	return f.File.ReadAt(p, off)
}

// TestFindingReadsLittle counts what is read to find random places, by number and by time, in logs of two sizes and of many
// segments or large ones: a few pages for each doubling of the log at most, of which the first chunk of a reader is most.
func TestFindingReadsLittle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		segment int64
	}{{"many segments", 16 << 10}, {"large segments", 8 << 20}} {
		for _, n := range []int{1 << 10, 1 << 15} {
			t.Run(fmt.Sprintf("%s/%d", c.name, n), func(t *testing.T) { findingReads(t, n, c.segment) })
		}
	}
}

func findingReads(t *testing.T, n int, segment int64) {
	start := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	now := start
	disk := &countedFS{FS: durabletest.NewDisk()}
	o := Options{FS: disk, SegmentBytes: segment, Now: func() time.Time { return now }}
	l, err := Open(testDir, o)
	if err != nil {
		t.Fatal(err)
	}
	const batch = 8 // all of one time
	for i := 0; i < n; i += batch {
		now = start.Add(time.Duration(i/batch) * time.Second)
		mustSubmit(t, l, records(i, batch, 100)...)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, testDir, o) // with all indexes as they are on the disk
	rnd := seeded(t)
	most := map[string]int64{}
	count := func(what string, find func()) {
		before := disk.pages.Load()
		find()
		most[what] = max(most[what], disk.pages.Load()-before)
	}
	for range 300 {
		seq := rnd.Uint64N(uint64(n)) + 1
		count("Reader", func() {
			r := l.Reader(seq - 1)
			defer r.Close() //nolint:errcheck // nothing was written
			if e, err := r.Next(); err != nil || e.Position.Seq != seq {
				t.Fatalf("Reader(%d): %v", seq-1, err)
			}
		})
		count("Get", func() {
			if e, err := l.Get(seq); err != nil || e.Position.Seq != seq {
				t.Fatalf("Get(%d): %v", seq, err)
			}
		})
		count("SeekTime", func() {
			at := start.Add(time.Duration((seq-1)/batch) * time.Second)
			if after, err := l.SeekTime(at); err != nil || after != (seq-1)/batch*batch {
				t.Fatalf("SeekTime(%v) = %d, %v", at, after, err)
			}
		})
	}
	doublings := int64(bits.Len(uint(n)))
	t.Logf("%d entries in %d segments: at most %v pages", n, l.Info().Segments, most)
	for what, limit := range map[string]int64{"Reader": firstChunk/4096 + 4, "Get": 8, "SeekTime": 3 * doublings} {
		if most[what] > limit {
			t.Errorf("%s read %d pages to find one of %d entries, want %d at most", what, most[what], n, limit)
		}
	}
	if r := l.Reader(uint64(n)); !errors.Is(nextError(r), io.EOF) {
		t.Error("the end was not found")
	}
}

func nextError(r *Reader) error {
	_, err := r.Next()
	return errors.Join(err, r.Close())
}
