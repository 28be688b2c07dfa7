package deliver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
)

func stamp(n int) time.Time { return time.Unix(1_500_000_000+int64(n), 0).UTC() }

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
	f := openTimes(path)
	if !f.by(at(1)).IsZero() {
		t.Error("an empty file knows a time")
	}
	addTimes(t, f, 1, 50)
	for _, f := range []*times{f, openTimes(path)} {
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
	if f = openTimes(path); !f.by(at(251)).IsZero() || !f.by(at(250)).Equal(stamp(25)) {
		t.Errorf("behind a cut: %s, %s", f.by(at(251)), f.by(at(250)))
	}
	if err := f.add("aaaaaaaaaaaa", checkpoint{3, stamp(99)}); err != nil {
		t.Fatal(err)
	}
	if f = openTimes(path); !f.by(at(3)).IsZero() || f.n != 1 {
		t.Error("another log's times are in the same file")
	}
}

// TestTimesTorn holds that a file with a torn end, or none to be understood, goes on.
func TestTimesTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "times")
	addTimes(t, openTimes(path), 1, 5)
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
		{"half a head", whole[:9], 0},
		{"other text", []byte("this is no such file, and never was one"), 0},
		{"nothing", nil, 0},
	} {
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		f := openTimes(path)
		if f.n != c.n {
			t.Errorf("%s: %d records, want %d", c.name, f.n, c.n)
		}
		addTimes(t, f, 7, 8)
		if f = openTimes(path); !f.by(at(75)).Equal(stamp(8)) || f.n != c.n+2 {
			t.Errorf("%s: %d records, then %s", c.name, f.n, f.by(at(75)))
		}
	}
}

// TestTimesBounded holds that the file never grows beyond its limit and still knows about all of its past.
func TestTimesBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "times")
	f := openTimes(path)
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
	j := openJournal(path)
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
		j = openJournal(path)
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
	for _, j := range []*journal{j, openJournal(path)} {
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
	for _, j := range []*journal{j, openJournal(path)} {
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

func TestJournalKeepsRemarks(t *testing.T) {
	j := openJournal(filepath.Join(t.TempDir(), "journal"))
	for i := range uint64(2500) {
		if err := j.add(line{Kind: lineRemark, Log: testLog, From: 100 + i, To: 100 + i, Reason: strings.Repeat("long ", 50)}); err != nil {
			t.Fatal(err)
		}
	}
	if a := j.about(at(2000)); a.remark.Kind != lineRemark { // it is in the old file
		t.Error("a remark is gone too early")
	}
}
