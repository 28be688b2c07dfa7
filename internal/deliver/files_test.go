package deliver

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/federated-messaging/fedmsg"
)

func stamp(n int) time.Time { return time.Unix(1_500_000_000+int64(n), 0).UTC() }

// testLogs is the lineage of testLog, which went on from oldLog at 10.
func testLogs() lineage { return lineage{testLog, map[fedmsg.LogID]uint64{oldLog: 10}} }

const oldLog = fedmsg.LogID("oldoldoldold")

func addTimes(t *testing.T, f *times, from, to int) {
	t.Helper()
	for i := from; i <= to; i++ {
		if err := f.add(testLog, checkpoint{uint64(10 * i), stamp(i)}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTimes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "times")
	f := openTimes(path, testLogs())
	if !f.by(at(1)).IsZero() {
		t.Error("an empty file knows a time")
	}
	addTimes(t, f, 1, 50)
	for _, f := range []*times{f, openTimes(path, testLogs())} {
		for seq, want := range map[uint64]time.Time{1: stamp(1), 10: stamp(1), 11: stamp(2), 255: stamp(26), 500: stamp(50), 501: {}} {
			if got := f.by(at(seq)); !got.Equal(want) {
				t.Errorf("entry %d by %s, want %s", seq, got, want)
			}
		}
		if got := f.by(fedmsg.Position{Log: "aaaaaaaaaaaa", Seq: 5}); !got.IsZero() {
			t.Errorf("of another log: %s", got)
		}
	}
	if err := f.cut(255); err != nil {
		t.Fatal(err)
	}
	if f = openTimes(path, testLogs()); !f.by(at(251)).IsZero() || !f.by(at(250)).Equal(stamp(25)) {
		t.Errorf("behind a cut: %s, %s", f.by(at(251)), f.by(at(250)))
	}
	if err := f.add("aaaaaaaaaaaa", checkpoint{3, stamp(99)}); err != nil {
		t.Fatal(err)
	}
	if f = openTimes(path, testLogs()); !f.by(at(3)).IsZero() || f.n != 0 {
		t.Error("another log's times are taken for this one's")
	}
}

// TestTimesTorn holds that a file with a torn end, or none to be understood, goes on.
func TestTimesTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "times")
	addTimes(t, openTimes(path, testLogs()), 1, 5)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		data []byte
		n    int
	}{
		{"half a record", whole[:len(whole)-7], 4},
		{"zeros", append(append([]byte(nil), whole[:len(whole)-16]...), make([]byte, 160)...), 4},
		{"a head, and half a record", whole[:20], 0},
		{"a head, and zeros", append(whole[:16:16], make([]byte, 16)...), 0},
		{"half a head", whole[:9], 0},
		{"other text", []byte("this is no such file, and never was one"), 0},
		{"nothing", nil, 0},
	} {
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		f := openTimes(path, testLogs())
		if f.n != c.n || (f.n == 0) != (f.last == checkpoint{}) {
			t.Errorf("%s: %d records, the last is %v; want %d", c.name, f.n, f.last, c.n)
		}
		addTimes(t, f, 7, 8)
		if f = openTimes(path, testLogs()); !f.by(at(75)).Equal(stamp(8)) || f.n != c.n+2 {
			t.Errorf("%s: %d records, then %s", c.name, f.n, f.by(at(75)))
		}
	}
}

// TestTimesBounded holds that the file never grows beyond its limit and still knows about all of its past.
func TestTimesBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "times")
	f := openTimes(path, testLogs())
	all := make([]checkpoint, maxTimes-1)
	for i := range all {
		all[i] = checkpoint{uint64(10 * (i + 1)), stamp(i + 1)}
	}
	if err := f.write(testLog, all); err != nil {
		t.Fatal(err)
	}
	addTimes(t, f, maxTimes, maxTimes+2)
	if info, err := os.Stat(path); err != nil || info.Size() > maxTimes*recordSize || f.n > maxTimes*3/4+3 {
		t.Errorf("%d records, %v", f.n, err)
	}
	for i := 1; i < maxTimes+2; i += 997 {
		off := f.by(at(uint64(10 * i))).Sub(stamp(i))
		if off < 0 || off > time.Second || off > 0 && i > maxTimes/2 {
			t.Errorf("checkpoint %d is off by %s", i, off)
		}
	}
}

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(path, testLogs())
	add := func(lines ...line) {
		t.Helper()
		for i := range lines {
			lines[i].Log = testLog
		}
		if err := j.add(lines...); err != nil {
			t.Fatal(err)
		}
	}
	add(line{Kind: lineSkip, From: 5, To: 9, Reason: "old"}, line{Kind: lineRemark, From: 20, To: 20, Reason: "unroutable"})
	for range 2 {
		for seq, want := range map[uint64]string{4: "/", 5: "old/", 9: "old/", 10: "/", 20: "/unroutable", 21: "/"} {
			a := j.about(at(seq))
			if got := a.skip.Reason + "/" + a.remark.Reason; got != want {
				t.Errorf("entry %d: %q, want %q", seq, got, want)
			}
		}
		torn, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := torn.WriteString(`{"kind":"ski`); err != nil {
			t.Fatal(err)
		}
		if err := torn.Close(); err != nil {
			t.Fatal(err)
		}
		j = openJournal(path, testLogs())
	}
	add(line{Kind: lineBack, From: 7, To: 30})
	if a := j.about(at(8)); a.skip.Kind != "" {
		t.Errorf("behind a move back: %+v", a)
	}
	if a := j.about(at(7)); a.skip.Kind == "" {
		t.Error("the move back took too much")
	}
	for i := range uint64(5000) {
		add(line{Kind: lineRemark, From: 100 + i, To: 100 + i, Reason: strings.Repeat("long ", 50)})
	}
	if a := j.about(at(5099)); a.remark.Kind != lineRemark {
		t.Error("the newest remark is gone")
	}
	for _, j := range []*journal{j, openJournal(path, testLogs())} {
		if a := j.about(at(6)); a.skip.Reason != "old" {
			t.Errorf("what was skipped long ago is forgotten: %+v", a)
		}
		if a := j.about(at(150)); a.remark.Kind != lineMany || a.forgotten.Kind != "" {
			t.Errorf("that remarks were forgotten is not told: %+v", a)
		}
		if a := j.about(at(8)); a.skip.Kind != "" {
			t.Errorf("what was moved back long ago is forgotten: %+v", a)
		}
	}
	for i := range uint64(5000) {
		add(line{Kind: lineSkip, From: 10000 + 2*i, To: 10000 + 2*i, Reason: strings.Repeat("long ", 50)})
	}
	for name, most := range map[string]int64{path: maxJournal, path + ".old": maxJournal * 3 / 2} {
		if info, err := os.Stat(name); err != nil || info.Size() > most {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if a := j.about(at(19998)); a.skip.Kind == "" || a.forgotten.Kind != "" {
		t.Errorf("the newest skip: %+v", a)
	}
	for _, j := range []*journal{j, openJournal(path, testLogs())} {
		for seq, forgotten := range map[uint64]bool{4: false, 6: true, 8: true, 10000: true, 10001: true, 19999: false} {
			if a := j.about(at(seq)); a.skip.Kind != "" || (a.forgotten.Kind != "") != forgotten {
				t.Errorf("entry %d: %+v", seq, a)
			}
		}
	}
	add(line{Kind: lineBack, From: 10000, To: 30000})
	if a := j.about(at(10001)); a.forgotten.Kind != "" {
		t.Errorf("behind a move back: %+v", a)
	}
	for i := range uint64(200) {
		var lines []line
		for seq := 40000 + 200*i; seq < 40000+200*(i+1); seq += 2 {
			lines = append(lines, line{Kind: lineSkip, From: seq, To: seq, Reason: "too old"})
		}
		add(lines...)
	}
	for seq, forgotten := range map[uint64]bool{4: false, 6: true, 10000: true, 40000: true} { // the move back too
		if a := j.about(at(seq)); (a.forgotten.Kind != "") != forgotten {
			t.Errorf("entry %d: %+v", seq, a)
		}
	}
}

// TestJournalBlocks holds that what is told of an entry is what all lines tell of it, in their order, whatever these are and in whatever
// blocks they stand; now, and when the files are opened again.
func TestJournalBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(path, testLogs())
	var all []line
	kinds := []lineKind{lineSkip, lineRemark, lineRemark, lineMany, lineBack, lineForgot, lineDone}
	for i := range uint64(700) {
		var some []line
		for range 1 + rng.IntN(3) {
			l := line{Kind: kinds[rng.IntN(len(kinds))], Log: testLog, From: 2*i + rng.Uint64N(300), Reason: strings.Repeat("x", rng.IntN(60))}
			if l.Kind == lineBack && rng.IntN(50) > 0 {
				l.Kind = lineSkip
			}
			if l.To = l.From; l.Kind == lineSkip || l.Kind == lineForgot {
				l.To += rng.Uint64N(20)
			}
			some = append(some, l)
		}
		if err := j.add(some...); err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
	}
	if len(j.blocks) < 40 || j.size > maxJournal {
		t.Fatalf("%d blocks, %d bytes", len(j.blocks), j.size)
	}
	for _, j := range []*journal{j, openJournal(path, testLogs())} {
		for seq := uint64(0); seq < 1800; seq += 29 {
			var want account
			for i := range all {
				want.hear(at(seq), &all[i])
			}
			if got := j.about(at(seq)); got != want {
				t.Fatalf("entry %d:\n%+v, want\n%+v", seq, got, want)
			}
		}
	}
}

// TestJournalReadsLittle holds that a small part of a full journal is read for one entry, and little memory kept for that.
func TestJournalReadsLittle(t *testing.T) {
	j := openJournal(filepath.Join(t.TempDir(), "journal"), testLogs())
	for seq := range uint64(4000) {
		if err := j.add(line{Kind: lineRemark, Log: testLog, From: seq, To: seq, Reason: "nobody is bound to its topic"}); err != nil {
			t.Fatal(err)
		}
	}
	for seq := range uint64(4000) {
		read := int64(0)
		for _, b := range j.blocks {
			if seq >= b.from && seq <= b.to {
				read += b.size
			}
		}
		if read > 2*blockSize || seq > 3000 && read == 0 {
			t.Fatalf("%d bytes are read for entry %d", read, seq)
		}
	}
	if size := uintptr(len(j.blocks)) * unsafe.Sizeof(block{}); size > 16<<10 {
		t.Errorf("%d bytes are kept", size)
	}
}

// TestJournalTorn holds that what a write that failed has left is no damage, goes with the next one, and costs no line.
func TestJournalTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := openJournal(path, testLogs())
	for seq := uint64(1); seq <= 6; seq += 2 {
		if err := j.add(line{Kind: lineSkip, Log: testLog, From: seq, To: seq, Reason: "old"}); err != nil {
			t.Fatal(err)
		}
		left := `{"kind":"skip","log":"k3v5q2m7x4ab","from":2,"to":2,"reason":"` + strings.Repeat("long ", 100)
		if seq == 1 { // of several lines, in this process
			left += "\"}\n{"
		}
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString(left)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		if seq == 3 {
			j = openJournal(path, testLogs())
		}
	}
	if j = openJournal(path, testLogs()); j.bad != 0 || j.lost != nil {
		t.Errorf("%d lines are bad, %v", j.bad, j.lost)
	}
	for seq := uint64(1); seq <= 6; seq++ {
		if a := j.about(at(seq)); (a.skip.Kind != "") != (seq%2 == 1) || a.forgotten.Kind != "" {
			t.Errorf("entry %d: %+v", seq, a)
		}
	}
}

func TestJournalKeepsRemarks(t *testing.T) {
	j := openJournal(filepath.Join(t.TempDir(), "journal"), testLogs())
	for i := range uint64(2500) {
		if err := j.add(line{Kind: lineRemark, Log: testLog, From: 100 + i, To: 100 + i, Reason: strings.Repeat("long ", 50)}); err != nil {
			t.Fatal(err)
		}
	}
	if a := j.about(at(2000)); a.remark.Kind != lineRemark { // it is in the old file
		t.Error("a remark is gone too early")
	}
}
