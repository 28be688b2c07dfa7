package deadletter

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
)

// envelope has what encoding/json would change: a space, signs that it escapes, a byte that is not UTF-8.
const envelope = "{\"topic\": \"a.b\",\"msg\":{\"<\":\"&\",\"x\":1.0,\"y\":\"\xff\"}}"

func entry(seq uint64) *fedmsg.Entry {
	return &fedmsg.Entry{
		Position: fedmsg.Position{Log: "abcdefghijkl", Seq: seq}, Received: time.Unix(1700000000, 5).UTC(), ID: "2024-1", Topic: "a.b",
		Sender: "uid:1", Signer: "debian/ci", Verdict: fedmsg.VerdictUnsigned, Envelope: []byte(envelope),
		Signatures: []byte(`[ {"sig":"<"}]`), Origin: fedmsg.Position{Log: "abcdefghijkm", Seq: 7}, Made: true, NotIJSON: true,
	}
}

func letter(seq uint64) Letter {
	return Letter{
		Of: "irc", Kind: KindSink, Time: time.Unix(1700000001, 0).UTC(), Code: fedmsg.CodeTooLarge, Reason: "it is too large",
		Attempts: 3, Topic: "a.b", ID: "2024-1", Entry: entry(seq),
	}
}

func opened(t *testing.T, dir string, limits Limits) *Store {
	t.Helper()
	s, err := Open(dir, limits)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func add(t *testing.T, s *Store, l Letter) uint64 {
	t.Helper()
	n, err := s.Add(l)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLettersComeBackToTheByte(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "dead")
	s := opened(t, dir, Limits{})
	sink := letter(1)
	source := Letter{
		Of: "rabbit", Kind: KindSource, Time: sink.Time, Code: fedmsg.CodeBadTopic, Reason: "two\nlines", Topic: "a..b",
		Headers: []byte(`{ "a":"<" }`), Body: []byte{0, 255, '\n'}, Envelope: []byte(envelope), Signatures: []byte(`[ ]`),
		Origin: fedmsg.Position{Log: "abcdefghijkl", Seq: 3},
	}
	sink.Number, source.Number = add(t, s, sink), add(t, s, source)
	for name, s := range map[string]*Store{"the same": s, "opened again": opened(t, dir, Limits{})} {
		for _, want := range []Letter{sink, source} {
			got, err := s.Get(want.Number)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %+v, %v\nwant %+v", name, got, err, want)
			}
		}
		if got, ok := s.Of(sink.Entry.Position); !ok || got.Number != sink.Number || got.Reason != sink.Reason || got.Entry != nil {
			t.Errorf("%s: Of gave %+v, %v", name, got, ok)
		}
		if got, ok := s.Of(fedmsg.Position{Log: "abcdefghijkl", Seq: 3}); ok {
			t.Errorf("%s: Of another entry gave %+v", name, got)
		}
		if _, ok := s.Of(fedmsg.Position{}); ok {
			t.Errorf("%s: Of no position gave a letter", name)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	s := opened(t, t.TempDir(), Limits{})
	for n := range uint64(12) { // as names, 10 comes before 2
		add(t, s, letter(n+1))
	}
	all, err := s.List(0, 100)
	if err != nil || len(all) != 12 || s.Len() != 12 {
		t.Fatalf("%d letters, %v, Len %d", len(all), err, s.Len())
	}
	for i, l := range all {
		if l.Number != uint64(i+1) || l.Entry != nil || l.Topic != "a.b" || l.Attempts != 3 {
			t.Errorf("letter %d: %+v", i, l)
		}
	}
	some, err := opened(t, s.dir, Limits{}).List(9, 2)
	if err != nil || len(some) != 2 || some[0].Number != 10 || some[1].Number != 11 {
		t.Errorf("behind 9: %+v, %v", some, err)
	}
}

// TestNumbersAreNotGivenTwice: who drops number 2 from a list that he looked at yesterday drops no other letter.
func TestNumbersAreNotGivenTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := opened(t, dir, Limits{})
	add(t, s, letter(1))
	second := add(t, s, letter(2))
	if err := s.Remove(second); err != nil {
		t.Fatal(err)
	}
	if got := fedmsg.CodeOf(s.Remove(second)); got != fedmsg.CodeNotFound {
		t.Errorf("removed twice: %q", got)
	}
	if _, err := s.Get(second); fedmsg.CodeOf(err) != fedmsg.CodeNotFound {
		t.Errorf("Get after Remove: %v", err)
	}
	if got := fedmsg.CodeOf(s.Put(Letter{Number: second})); got != fedmsg.CodeNotFound {
		t.Errorf("Put after Remove: %q", got)
	}
	s = opened(t, dir, Limits{})
	if third := add(t, s, letter(3)); third != second+1 || s.Len() != 2 {
		t.Errorf("number %d, %d letters", third, s.Len())
	}
}

func TestSameEntryTakesItsPlace(t *testing.T) {
	t.Parallel()
	s := opened(t, t.TempDir(), Limits{Letters: 1})
	first := add(t, s, letter(1))
	again := letter(1)
	again.Reason = "still too large"
	if n := add(t, s, again); n != first || s.Len() != 1 {
		t.Errorf("number %d of %d, %d letters", n, first, s.Len())
	}
	again.Number, again.Attempts = first, 4
	if err := s.Put(again); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(first); err != nil || got.Attempts != 4 || got.Reason != "still too large" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhereEntriesStand(t *testing.T) {
	t.Parallel()
	s := opened(t, t.TempDir(), Limits{})
	for seq := range uint64(4) {
		add(t, s, letter(10+seq))
	}
	add(t, s, Letter{Of: "x", Kind: KindSource})
	first := entry(10).Position
	if p, err := s.At(2); err != nil || p != entry(11).Position {
		t.Errorf("%s, %v", p, err)
	}
	if p, err := s.At(5); err != nil || !p.IsZero() {
		t.Errorf("%s, %v", p, err)
	}
	if _, err := s.At(6); fedmsg.CodeOf(err) != fedmsg.CodeNotFound {
		t.Errorf("%v", err)
	}
	for _, c := range []struct {
		p    fedmsg.Position
		want map[uint64]uint64
	}{
		{fedmsg.Position{}, map[uint64]uint64{10: 1, 11: 2, 12: 3, 13: 4}},
		{entry(11).Position, map[uint64]uint64{12: 3, 13: 4}},
		{entry(13).Position, nil},
		{fedmsg.Position{Log: "aaaaaaaaaaaa", Seq: first.Seq}, nil},
	} {
		if got := s.Behind(c.p); !maps.Equal(got, c.want) {
			t.Errorf("behind %s: %v, want %v", c.p, got, c.want)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]Limits{"letters": {Letters: 2}, "bytes": {Bytes: 3000}} {
		dir := t.TempDir()
		s := opened(t, dir, limits)
		var err error
		var last uint64
		for n := uint64(1); err == nil && n < 100; n++ {
			last, err = s.Add(letter(n))
		}
		if !errors.Is(err, ErrFull) || last != 0 || s.Len() < 2 || s.Len() > 5 {
			t.Fatalf("%s: %d letters, number %d, %v", name, s.Len(), last, err)
		}
		full := opened(t, dir, limits)
		if _, err := full.Add(letter(200)); !errors.Is(err, ErrFull) {
			t.Errorf("%s: opened again: %v", name, err)
		}
		if err := full.Remove(1); err != nil {
			t.Fatal(err)
		}
		if _, err := full.Add(letter(200)); err != nil {
			t.Errorf("%s: with room again: %v", name, err)
		}
	}
}

func TestDamagedLetterIsTold(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"empty": nil, "no line": []byte("{"), "not JSON": []byte("x\ny\n"), "another number": []byte("{\"number\":7}\n{}\n"),
		"long": bytes.Repeat([]byte("x"), 1<<20),
	} {
		dir := t.TempDir()
		n := add(t, opened(t, dir, Limits{}), letter(1))
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(n)+suffix), data, 0o600); err != nil {
			t.Fatal(err)
		}
		s := opened(t, dir, Limits{})
		all, err := s.List(0, 10)
		if err != nil || len(all) != 1 || all[0].Number != n || all[0].Code != fedmsg.CodeDamaged {
			t.Errorf("%s: %+v, %v", name, all, err)
		}
		if _, err := s.Get(n); fedmsg.CodeOf(err) != fedmsg.CodeDamaged {
			t.Errorf("%s: Get: %v", name, err)
		}
		if err := s.Remove(n); err != nil || s.Len() != 0 {
			t.Errorf("%s: Remove: %v", name, err)
		}
	}
}

// TestLetterThatCannotBeOpened holds that a letter which cannot even be opened keeps nobody from the others, and is told of.
func TestLetterThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := opened(t, dir, Limits{})
	add(t, s, letter(1))
	path := s.path(add(t, s, letter(2)))
	if err := errors.Join(os.Remove(path), os.Symlink(filepath.Base(path), path)); err != nil {
		t.Fatal(err)
	}
	s = opened(t, dir, Limits{})
	if all, err := s.List(0, 10); err != nil || len(all) != 2 || all[0].Code == fedmsg.CodeDamaged || all[1].Code != fedmsg.CodeDamaged {
		t.Errorf("%+v, %v", all, err)
	}
	if err := s.Remove(2); err != nil || s.Len() != 1 {
		t.Error(err)
	}
}

// TestCrashAfterEveryOperation: what Add, Put and Remove returned holds after a power cut at any operation, whatever becomes of
// what was not synced.
func TestCrashAfterEveryOperation(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	stop := errors.New("stopped")
	for at := 1; ; at++ {
		disk := durabletest.NewDisk()
		ended := true
		halt := func(n int, _ durabletest.Op, _ string) error {
			if n >= at {
				ended = false
				return stop
			}
			return nil
		}
		if at%2 == 0 {
			disk.SetHooks(halt, nil)
		} else {
			disk.SetHooks(nil, halt)
		}
		kept, unsure := script(disk)
		after := disk.Crash(durabletest.Some, rand.New(rand.NewPCG(seed, uint64(at))))
		s, err := open(after, "dead", Limits{})
		if err != nil {
			t.Fatalf("operation %d: %v", at, err)
		}
		for seq := uint64(1); seq <= 3; seq++ {
			l, there := s.Of(fedmsg.Position{Log: "abcdefghijkl", Seq: seq})
			if unsure != seq && (there != (kept[seq] > 0) || l.Attempts != kept[seq]) {
				t.Errorf("operation %d: entry %d: there %v with %d attempts, want %d", at, seq, there, l.Attempts, kept[seq])
			}
			if there {
				if _, err := s.Get(l.Number); err != nil {
					t.Errorf("operation %d: entry %d: %v", at, seq, err)
				}
			}
		}
		if ended {
			return
		}
	}
}

// script adds, changes and removes letters until something fails, and tells the attempts of what is kept, and the entry whose
// fate the failed call left open.
func script(disk *durabletest.Disk) (kept map[uint64]int, unsure uint64) {
	kept = map[uint64]int{}
	s, err := open(disk, "dead", Limits{})
	if err != nil {
		return kept, 0
	}
	numbers := map[uint64]uint64{}
	put := func(seq uint64, attempts int) bool {
		l := letter(seq)
		l.Attempts = attempts
		n, err := s.Add(l)
		if err != nil {
			return false
		}
		numbers[seq], kept[seq] = n, attempts
		return true
	}
	if !put(1, 1) {
		return kept, 1
	}
	if !put(2, 1) {
		return kept, 2
	}
	if !put(1, 2) {
		return kept, 1
	}
	if s.Remove(numbers[2]) != nil {
		return kept, 2
	}
	delete(kept, 2)
	if !put(3, 1) {
		return kept, 3
	}
	return kept, 0
}
