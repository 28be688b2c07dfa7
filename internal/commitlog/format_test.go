package commitlog

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

// fixture is a small log of format 1: three segments with indexes, an adopted id, every field of a record. It was written
// once by makeFixture and is kept: every later version must open it. entries.jsonl beside it is what it holds.
const fixture = "testdata/format1"

// TestMakeFixture writes the fixture when FEDMSG_MAKE_FIXTURE=1, which only a new format needs.
func TestMakeFixture(t *testing.T) {
	if os.Getenv("FEDMSG_MAKE_FIXTURE") != "1" {
		return // not a skip: nothing is missing, the fixture is kept as it is
	}
	now := time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.UTC)
	o := Options{SegmentBytes: 2000, Now: func() time.Time { now = now.Add(time.Second); return now }}
	dir := filepath.Join(fixture, "log")
	l := openLog(t, dir, o)
	for i := 0; i < 10; i += 2 {
		mustSubmit(t, l, records(i, 2, 100)...)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Adopt(dir, o); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, dir, o)
	plain := fedmsg.Record{ID: "plain", Topic: "org.example.dev.plain", Envelope: []byte(`{"msg":{}}`)}
	mustSubmit(t, l, plain, record(11, 100))
	var lines []byte
	entries, _ := readAll(t, l, 0)
	for i := range entries {
		lines = append(entries[i].AppendJSON(lines), '\n')
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, lockName)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(fixture, "entries.jsonl"), lines, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFormat1 opens the fixture, reads it, finds ids in it and goes on with it.
func TestFormat1(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(fixture, "log"))); err != nil {
		t.Fatal(err)
	}
	sum, err := Check(dir, func(f Finding) { t.Errorf("%+v", f) })
	if err != nil || sum.ID != "itt56u4txfxu" || sum.Entries != 12 || len(sum.Lineage) != 1 || sum.Segments < 3 {
		t.Fatalf("%+v %v", sum, err)
	}
	want, err := os.Open(filepath.Join(fixture, "entries.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close() //nolint:errcheck // read only
	l := openLog(t, dir, Options{SegmentBytes: 2000})
	entries, gaps := readAll(t, l, 0)
	if len(gaps) > 0 || len(entries) != 12 {
		t.Fatalf("%d entries, %v", len(entries), gaps)
	}
	lines := bufio.NewScanner(want)
	for i := 0; lines.Scan(); i++ {
		if got := entries[i].AppendJSON(nil); !bytes.Equal(got, lines.Bytes()) {
			t.Errorf("entry %d:\n got %s\nwant %s", i+1, got, lines.Bytes())
		}
	}
	for i := range 10 { // what JSON does not show, and the field that stands as text
		if r, e := record(i, 100), &entries[i]; e.Made != r.Made || e.NotIJSON != r.NotIJSON || !bytes.Equal(e.Envelope, r.Envelope) {
			t.Errorf("%+v", e)
		}
	}
	sameBytes(t, dir)
	if r := mustSubmit(t, l, record(4, 100)); !r[0].Duplicate || r[0].Seq != 5 {
		t.Errorf("%+v", r)
	}
	if r := mustSubmit(t, l, record(100, 100)); r[0].Seq != 13 {
		t.Errorf("%+v", r)
	}
	after, gap := l.Resolve(fedmsg.Position{Log: sum.Lineage[0].ID, Seq: 7})
	if after != 7 || gap != nil {
		t.Errorf("%d %v", after, gap)
	}
}

// sameBytes reads the records of a log and wants encoding to give the same bytes again: heads, headers and payloads.
func sameBytes(t *testing.T, dir string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil || len(names) != 4 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		id, first, err := decodeSegmentHead(memFile{data})
		if err != nil || !bytes.Equal(encodeSegmentHead(id, first), data[:segmentHead]) {
			t.Errorf("%s: the head of %s from %d differs: %v", name, id, first, err)
		}
		_, err = scanSegment(memFile{data}, first, int64(len(data)), func(h *header, b []byte, off int64) {
			var e fedmsg.Entry
			if !fillEntry(&e, id, h, b) {
				t.Fatalf("%s at %d", name, off)
			}
			r := fedmsg.Record{
				ID: e.ID, Topic: e.Topic, Envelope: e.Envelope, Sender: e.Sender, Signer: e.Signer, Verdict: e.Verdict,
				Signatures: e.Signatures, Origin: e.Origin, Made: e.Made, NotIJSON: e.NotIJSON,
			}
			d := digest{sum: [32]byte(h.hash), salt: [saltLen]byte(b[h.size+payloadAlign+sectionHead:])}
			if !bytes.Equal(appendRecord(nil, &r, *h, &d), b) {
				t.Errorf("%s at %d: record %d is encoded otherwise", name, off, h.seq)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestNewerFormat refuses what a newer version wrote, and changes nothing.
func TestNewerFormat(t *testing.T) {
	disk := durabletest.NewDisk()
	l := openLog(t, testDir, Options{FS: disk})
	mustSubmit(t, l, record(1, 10))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	temp := filepath.Join(testDir, "00000000000000000009"+indexSuffix+tempSuffix)
	disk.SetBytes(temp, []byte("of the newer version"))
	name := filepath.Join(testDir, metaName)
	disk.SetBytes(name, bytes.Replace(disk.Bytes(name), []byte(`"format":1`), []byte(`"format":2`), 1))
	var changes []durabletest.Op
	disk.SetHooks(func(_ int, op durabletest.Op, name string) error {
		if op != durabletest.OpSyncDir {
			changes = append(changes, op)
		}
		return nil
	}, nil)
	_, err := Open(testDir, Options{FS: disk})
	if fedmsg.CodeOf(err) != fedmsg.CodeFormat || !contains(err.Error(), "has format 2") {
		t.Errorf("Open: %v", err)
	}
	if _, err := check(disk, testDir, func(Finding) {}); fedmsg.CodeOf(err) != fedmsg.CodeFormat {
		t.Errorf("Check: %v", err)
	}
	if len(changes) > 0 {
		t.Errorf("a log of a newer format was changed: %v", changes)
	}
}

// TestNewerSegment refuses a log of which only a segment says that a newer version wrote it, and changes nothing.
func TestNewerSegment(t *testing.T) {
	disk, _ := smallLog(t)
	path := logFiles(t, disk, segmentSuffix)[1]
	data := disk.Bytes(path)
	binary.LittleEndian.PutUint32(data[8:], 2)
	binary.LittleEndian.PutUint32(data[60:], crc32.Checksum(data[:60], castagnoli))
	disk.SetBytes(path, data)
	if err := disk.Remove(filepath.Join(testDir, metaName)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(testDir, Options{FS: disk}); fedmsg.CodeOf(err) != fedmsg.CodeFormat {
		t.Errorf("Open: %v", err)
	}
	if disk.Bytes(filepath.Join(testDir, metaName)) != nil || !bytes.Equal(disk.Bytes(path), data) {
		t.Error("a log of a newer format was changed")
	}
}

// TestMutatedRecords gives the record parser, the scanner and the entry decoder mutated segments. They must not panic, nor
// read outside, and never take a record for whole that was not written: what they give is one of the originals.
func TestMutatedRecords(t *testing.T) {
	rnd := seeded(t)
	count := 20_000
	if long() {
		count = 1_000_000
	}
	var original []byte
	known := make(map[uint64]string)
	for i := range 8 {
		r := record(i, 20+i*13)
		original = appendRecord(original, &r, header{seq: uint64(i + 1), batch: uint64(i/2*2 + 1), received: int64(i)}, &digests([]fedmsg.Record{r})[0])
		known[uint64(i+1)] = r.ID + string(r.Envelope)
	}
	data := make([]byte, 0, 2*len(original))
	for range count {
		data = append(data[:0], original...)
		for range 1 + rnd.IntN(4) {
			at, n := rnd.IntN(len(data)), 1+rnd.IntN(8)
			switch rnd.IntN(5) {
			case 0:
				data[at] ^= 1 << rnd.IntN(8)
			case 1:
				data[at] = byte(rnd.Uint32())
			case 2:
				data = data[:max(1, at)]
			case 3: // cut out
				data = append(data[:at], data[min(len(data), at+n):]...)
			case 4: // repeat
				data = append(data, data[at:min(len(data), at+100*n)]...)
			}
			if len(data) == 0 {
				data = append(data, 0)
			}
		}
		if err := walkMutated(data, known); err != nil {
			t.Fatalf("%v\n%q", err, data)
		}
	}
}

// walkMutated reads everything that can be read.
func walkMutated(data []byte, known map[uint64]string) error {
	scan := newScanner(memFile{data}, 0, int64(len(data)))
	scan.chunk = 300
	for {
		h, b, err := scan.next()
		switch {
		case isEOF(err):
			return nil
		case errors.Is(err, errBroken):
			if _, err := scan.resync(1); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		var e fedmsg.Entry
		if !fillEntry(&e, "abcdefghijkl", &h, b) || !hashHolds(&h, b) {
			return fmt.Errorf("record %d has a good checksum and wrong sections", h.seq)
		}
		if known[h.seq] != e.ID+string(e.Envelope) {
			return fmt.Errorf("record %d was never written: %+v", h.seq, e)
		}
	}
}

// TestSections gives the section decoder payloads whose checksum would hold.
func TestSections(t *testing.T) {
	r := record(1, 10)
	b := appendRecord(nil, &r, header{seq: 1}, &digests([]fedmsg.Record{r})[0])
	h, v := decodeRecord(b)
	if v != whole {
		t.Fatal(v)
	}
	var e fedmsg.Entry
	unknown := appendText(append([]byte{}, b...), 999, "from a newer version")
	h.payload += sectionHead + len("from a newer version")
	if !fillEntry(&e, "abcdefghijkl", &h, unknown) || string(e.Envelope) != string(r.Envelope) {
		t.Error("an unknown section is in the way")
	}
	for cut := 1; cut < sectionHead+3; cut++ {
		h.payload--
		if fillEntry(&e, "abcdefghijkl", &h, unknown) {
			t.Errorf("a payload without its last %d bytes is taken", cut)
		}
	}
}

// memFile is a file for the scanner.
type memFile struct{ data []byte }

func (f memFile) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(f.data).ReadAt(p, off)
}
func (memFile) WriteAt([]byte, int64) (int, error) { return 0, errors.ErrUnsupported }
func (memFile) Close() error                       { return nil }
func (memFile) Sync() error                        { return errors.ErrUnsupported }
func (memFile) Truncate(int64) error               { return errors.ErrUnsupported }
func (f memFile) Size() (int64, error)             { return int64(len(f.data)), nil }

// TestRecordSize compares what is counted with what is written.
func TestRecordSize(t *testing.T) {
	full, bare := record(12345, 100), fedmsg.Record{ID: "a", Envelope: []byte("{}")}
	for _, r := range []fedmsg.Record{full, bare} {
		if got := len(appendRecord(nil, &r, header{}, &digests([]fedmsg.Record{r})[0])); got != recordSize(&r) {
			t.Errorf("%d bytes, counted as %d", got, recordSize(&r))
		}
	}
}
