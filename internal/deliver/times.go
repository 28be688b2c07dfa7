package deliver

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"sort"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// times is the file that says by when a sink had come how far: a line of checkpoints, at most one a second. It is bounded: when it is
// full, every other one of the older half goes, so that what is long ago is known less exactly, and always as a time by which it was
// so. It is a help for people and not synced: what a crash takes off its end is said to be delivered without a time.
//
// The file begins with the LogID and a checksum; then come records of equal size, each a number, a time in seconds and a checksum.
type times struct {
	path string
	log  fedmsg.LogID // of the file; empty without one
	last checkpoint   // the newest in the file
	n    int          // how many are in the file
}

// checkpoint says that everything up to seq was settled by then.
type checkpoint struct {
	seq uint64
	at  time.Time
}

const (
	recordSize = 16
	maxTimes   = 64 << 10 // records; 1 MiB
)

// openTimes looks at the end of the file; one that is not understood begins anew. One of a log that this one went on from goes on as
// far as that is so.
func openTimes(path string, logs lineage) *times {
	t := readTimes(path)
	if t.log == "" || t.log == logs.own {
		return t
	}
	limit, all := logs.limit(t.log), t.all()
	n := sort.Search(len(all), func(i int) bool { return all[i].seq > limit })
	if t.write(logs.own, all[:n]) != nil {
		t.log = "" // it is made anew
	}
	return t
}

func readTimes(path string) *times {
	t := &times{path: path}
	f, err := os.Open(path)
	if err != nil {
		return t
	}
	defer f.Close() //nolint:errcheck // it was only read
	var head [recordSize]byte
	if _, err := f.ReadAt(head[:], 0); err != nil || !checked(head[:]) {
		return t
	}
	info, err := f.Stat()
	if err != nil {
		return t
	}
	t.log, t.n = fedmsg.LogID(head[:12]), int(info.Size()/recordSize)-1
	for ; t.n > 0; t.n-- {
		if t.last, err = readCheckpoint(f, t.n-1); err == nil {
			break
		}
		t.last = checkpoint{} // a torn end
	}
	return t
}

// add appends a checkpoint.
func (t *times) add(log fedmsg.LogID, c checkpoint) error {
	if t.log != log || t.n >= maxTimes {
		if err := t.thin(log); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(t.path, os.O_WRONLY, 0)
	if err != nil {
		t.log = "" // it is made anew
		return err
	}
	_, err = f.WriteAt(appendCheckpoint(nil, c), int64(t.n+1)*recordSize)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	t.last = c
	t.n++
	return nil
}

// thin writes the file anew: of another log with nothing in it, of the same with fewer of the old ones.
func (t *times) thin(log fedmsg.LogID) error {
	var old []checkpoint
	if t.log == log {
		old = t.all()
	}
	var keep []checkpoint
	for i, c := range old {
		if i >= len(old)/2 || i%2 == 1 {
			keep = append(keep, c)
		}
	}
	return t.write(log, keep)
}

func (t *times) write(log fedmsg.LogID, all []checkpoint) error {
	data := appendChecked(make([]byte, 0, (len(all)+1)*recordSize), []byte(log))
	for _, c := range all {
		data = appendCheckpoint(data, c)
	}
	if err := durable.WriteFile(durable.OS{}, t.path, data, 0o600); err != nil {
		return err
	}
	t.log, t.n, t.last = log, len(all), checkpoint{}
	if len(all) > 0 {
		t.last = all[len(all)-1]
	}
	return nil
}

// cut takes off what says something of entries behind seq: the sink was moved back.
func (t *times) cut(seq uint64) error {
	all := t.all()
	n := sort.Search(len(all), func(i int) bool { return all[i].seq > seq })
	if n == len(all) {
		return nil
	}
	return t.write(t.log, all[:n])
}

// all gives the checkpoints, oldest first.
func (t *times) all() []checkpoint {
	data, err := os.ReadFile(t.path)
	if err != nil {
		return nil
	}
	var all []checkpoint
	for i := range min(t.n, len(data)/recordSize-1) {
		if c, ok := parseCheckpoint(data[(i+1)*recordSize:][:recordSize]); ok {
			all = append(all, c)
		}
	}
	return all
}

// by gives the time by which the entry was settled, or the zero time.
func (t *times) by(p fedmsg.Position) time.Time {
	if t.n == 0 || p.Log != t.log || p.Seq > t.last.seq {
		return time.Time{}
	}
	f, err := os.Open(t.path)
	if err != nil {
		return time.Time{}
	}
	defer f.Close() //nolint:errcheck // it was only read
	var hit checkpoint
	sort.Search(t.n, func(i int) bool {
		c, bad := readCheckpoint(f, i)
		if bad != nil {
			err = bad
			return true
		}
		if c.seq >= p.Seq {
			hit = c
			return true
		}
		return false
	})
	if err != nil {
		return time.Time{}
	}
	return hit.at
}

func readCheckpoint(r io.ReaderAt, i int) (checkpoint, error) {
	var b [recordSize]byte
	if _, err := r.ReadAt(b[:], int64(i+1)*recordSize); err != nil {
		return checkpoint{}, err
	}
	c, ok := parseCheckpoint(b[:])
	if !ok {
		return checkpoint{}, fs.ErrInvalid
	}
	return c, nil
}

func appendCheckpoint(b []byte, c checkpoint) []byte {
	var text [12]byte
	binary.BigEndian.PutUint64(text[:], c.seq)
	binary.BigEndian.PutUint32(text[8:], uint32(c.at.Unix()))
	return appendChecked(b, text[:])
}

func parseCheckpoint(b []byte) (checkpoint, bool) {
	c := checkpoint{binary.BigEndian.Uint64(b), time.Unix(int64(binary.BigEndian.Uint32(b[8:])), 0).UTC()}
	return c, checked(b)
}

// appendChecked appends the 12 bytes of a record with their checksum.
func appendChecked(b, record []byte) []byte {
	return binary.BigEndian.AppendUint32(append(b, record...), crc32.ChecksumIEEE(record))
}

func checked(b []byte) bool { return binary.BigEndian.Uint32(b[12:]) == crc32.ChecksumIEEE(b[:12]) }
