package rowset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/durable/durabletest"
	"github.com/federated-messaging/fedmsg/internal/tabular"
)

var shape = Shape{Key: []string{"pkg", "arch"}, Ignore: []string{"seen"}}

// put gives the rows of JSON to a store.
func put(s *Store, rows string, quiet bool) (differs bool, err error) {
	a, err := s.NewAnswer(Limits{Rows: 1000, RowBytes: 5000, Check: noX})
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if err := tabular.Read(strings.NewReader(rows), tabular.Options{Limit: 1 << 20}, a.Add); err != nil {
		return false, err
	}
	return s.Put(context.Background(), a, Telling{Quiet: quiet})
}

// noX refuses rows in which an x stands in what is nested.
func noX(row []byte) error {
	if strings.Contains(string(row), `{"x"`) {
		return fedmsg.Errorf(fedmsg.CodeBadBody, "no x")
	}
	return nil
}

// changes gives what is pending, a line each, and the ids.
func changes(t *testing.T, s *Store) (text string, ids []string) {
	t.Helper()
	err := s.Changes(func(c Change) error {
		if !json.Valid(c.Body) {
			t.Errorf("no JSON: %s", c.Body)
		}
		text += string(c.Kind) + " " + string(c.Body) + "\n"
		ids = append(ids, c.ID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return text, ids
}

// step puts rows and checks what that tells, twice in the same words, and commits.
func step(t *testing.T, s *Store, rows string, quiet bool, want string) []string {
	t.Helper()
	differs, err := put(s, rows, quiet)
	if err != nil {
		t.Fatal(err)
	}
	got, ids := changes(t, s)
	again, idsAgain := changes(t, OpenFS(s.fs, s.dir, s.shape))
	if got != want || again != got || !slices.Equal(ids, idsAgain) {
		t.Errorf("%s tells\n%s%v\nand again\n%s%v\nwant\n%s", rows, got, ids, again, idsAgain, want)
	}
	if pending, err := s.Pending(); err != nil || pending != differs {
		t.Fatalf("pending is %v, %v, and the rows differ: %v", pending, err, differs)
	}
	if differs {
		if err := s.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

// TestChanges holds what is told of rows that come, change and go; that columns which are left out and the order of rows and columns
// make no difference; and that a row that changes back and forth has another id each time.
func TestChanges(t *testing.T) {
	t.Parallel()
	s := Open(t.TempDir(), shape)
	a := `{"pkg":"a","arch":1,"state":"x","note":"n"}`
	step(t, s, "["+a+"]", true, "")
	step(t, s, `[{"note":"n","seen":5,"arch":1,"state":"x","pkg":"a"}]`, true, "")
	first := step(t, s, `[{"pkg":"b","arch":"1","new":[1]},{"pkg":"a","arch":1,"state":"y"}]`, false,
		`changed {"key":{"pkg":"a","arch":1},"row":{"arch":1,"pkg":"a","state":"y"},"before":{"note":"n","state":"x"}}`+"\n"+
			`added {"key":{"pkg":"b","arch":"1"},"row":{"arch":"1","new":[1],"pkg":"b"}}`+"\n")
	step(t, s, "["+a+"]", false,
		`changed {"key":{"pkg":"a","arch":1},"row":{"arch":1,"note":"n","pkg":"a","state":"x"},"before":{"note":null,"state":"y"}}`+"\n"+
			`removed {"key":{"pkg":"b","arch":"1"},"row":{"arch":"1","new":[1],"pkg":"b"}}`+"\n")
	second := step(t, s, `[{"pkg":"b","arch":"1","new":[1]},{"pkg":"a","arch":1,"state":"y"}]`, false,
		`changed {"key":{"pkg":"a","arch":1},"row":{"arch":1,"pkg":"a","state":"y"},"before":{"note":"n","state":"x"}}`+"\n"+
			`added {"key":{"pkg":"b","arch":"1"},"row":{"arch":"1","new":[1],"pkg":"b"}}`+"\n")
	for i := range first {
		if first[i] == second[i] {
			t.Errorf("the same change at another time has the same id %s", first[i])
		}
	}
	other := Open(s.dir, Shape{Key: shape.Key})
	if k, err := other.Kept(); k != (Kept{Any: true}) || err != nil {
		t.Errorf("rows with other columns left out are known: %+v, %v", k, err)
	}
	step(t, other, "["+a+"]", false, "") // nobody can tell what is new, so that nothing is told
	if k, err := other.Kept(); k != (Kept{Rows: 1, Known: true, Any: true}) || err != nil {
		t.Errorf("the rows are not known: %+v, %v", k, err)
	}
}

// TestAnswerRefused holds which answers are none; nothing is kept of them.
func TestAnswerRefused(t *testing.T) {
	t.Parallel()
	s := Open(t.TempDir(), shape)
	for rows, says := range map[string]string{
		`[{"pkg":"a","arch":1},{"pkg":"a","arch":1,"x":2}]`: `two rows of the answer have the key ["a",1]`,
		`[{"pkg":"a"}]`: `row 1 of the answer has no column "arch"`,
		`[{"pkg":"a","arch":1},{"pkg":"a","arch":null}]`:                 `row 2 of the answer has in the key column "arch" what is no text`,
		`[{"pkg":"a","arch":1,"x":1,"y":2,"x":3}]`:                       `has the column "x" twice`,
		`[{"pkg":"` + strings.Repeat("a", maxKey) + `","arch":1}]`:       "has a key of",
		`[{"pkg":"a","arch":1,"v":"` + strings.Repeat("a", 4974) + `"}]`: "row 1 of the answer has 5001 bytes as JSON; at most 5000",
		`[{"pkg":"a","arch":1,"v":[{"x":1}]}]`:                           "no message can be made of row 1 of the answer: no x",
		"[" + strings.Repeat(`{"pkg":"a","arch":1},`, 1001) + "{}]":      "max_rows = 1000",
	} {
		if differs, err := put(s, rows, false); err == nil || differs || !strings.Contains(err.Error(), says) {
			t.Errorf("%.60s: %v, %v; want %s", rows, differs, err, says)
		}
	}
	if left, err := os.ReadDir(s.dir); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

// TestTopics holds that what is pending is told on the topics of the day on which it was found, also behind another start.
func TestTopics(t *testing.T) {
	t.Parallel()
	s := Open(t.TempDir(), shape)
	step(t, s, `[{"pkg":"a","arch":1}]`, true, "")
	a, err := s.NewAnswer(Limits{Rows: 9, RowBytes: 99})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	for _, row := range []string{`"b"`, `"c"`} {
		if err := a.Add([]tabular.Cell{{Name: []byte(`"pkg"`), Value: []byte(row)}, {Name: []byte(`"arch"`), Value: []byte("1")}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Put(t.Context(), a, Telling{Topics: map[Kind]string{Added: "new", Removed: "gone"}}); err != nil {
		t.Fatal(err)
	}
	var topics []string
	err = OpenFS(s.fs, s.dir, s.shape).Changes(func(c Change) error { topics = append(topics, c.Topic); return nil })
	if want := []string{"gone", "new", "new"}; err != nil || !slices.Equal(topics, want) {
		t.Errorf("told on %v, %v; want %v", topics, err, want)
	}
}

// TestStopped holds that comparing ends soon when the node stops, and that nothing is kept then.
func TestStopped(t *testing.T) {
	t.Parallel()
	s := Open(t.TempDir(), Shape{Key: []string{"k"}})
	a, err := s.NewAnswer(Limits{Rows: 1 << 20, RowBytes: 99})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	for n := range 10_000 {
		if err := a.Add([]tabular.Cell{{Name: []byte(`"k"`), Value: fmt.Append(nil, n)}}); err != nil {
			t.Fatal(err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := s.Put(ended, a, Telling{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want that it was stopped", err)
	}
	if err := a.sort(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.compare(ended, a, func(*record, *mark, bool) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("of comparing: %v; want that it was stopped", err)
	}
	if k, err := s.Kept(); k != (Kept{}) || err != nil {
		t.Errorf("kept is %+v, %v", k, err)
	}
}

// TestPair holds that two files of different moments, as a backup may have them that was made while the node went on, are not taken
// for a pair: what is between them would be told again under other ids.
func TestPair(t *testing.T) {
	t.Parallel()
	s := Open(t.TempDir(), shape)
	step(t, s, `[{"pkg":"a","arch":1}]`, true, "") // rows-b
	step(t, s, `[{"pkg":"a","arch":2}]`, true, "") // rows-a
	early, err := os.ReadFile(filepath.Join(s.dir, fileA))
	if err != nil {
		t.Fatal(err)
	}
	step(t, s, `[{"pkg":"a","arch":3}]`, true, "") // rows-b
	step(t, s, `[{"pkg":"a","arch":4}]`, true, "") // rows-a
	if _, err := put(s, `[{"pkg":"a","arch":5}]`, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pending(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, fileA), early, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pending(); err == nil || !strings.Contains(err.Error(), "does not belong to") {
		t.Errorf("%v; want that the files do not belong together", err)
	}
}

// TestModel compares random tables with a model in memory, over many steps.
func TestModel(t *testing.T) {
	t.Parallel()
	s := Open(t.TempDir(), Shape{Key: []string{"k"}})
	random := rand.New(rand.NewPCG(1, 2))
	was, seen := map[int]int{}, map[string]bool{}
	for range 60 {
		is := maps.Clone(was)
		for range random.IntN(12) {
			if k := random.IntN(40); random.IntN(3) == 0 {
				delete(is, k)
			} else {
				is[k] = random.IntN(3)
			}
		}
		rows, want := []string{}, map[string]bool{}
		for k, v := range is {
			rows = append(rows, fmt.Sprintf(`{"k":%d,"v":%d}`, k, v))
			if old, known := was[k]; !known {
				want[fmt.Sprintf(`added {"key":{"k":%d},"row":{"k":%d,"v":%d}}`, k, k, v)] = true
			} else if old != v {
				want[fmt.Sprintf(`changed {"key":{"k":%d},"row":{"k":%d,"v":%d},"before":{"v":%d}}`, k, k, v, old)] = true
			}
		}
		for k, v := range was {
			if _, is := is[k]; !is {
				want[fmt.Sprintf(`removed {"key":{"k":%d},"row":{"k":%d,"v":%d}}`, k, k, v)] = true
			}
		}
		if _, err := put(s, "["+strings.Join(rows, ",")+"]", false); err != nil {
			t.Fatal(err)
		}
		text, ids := changes(t, s)
		for line := range strings.Lines(text) {
			if line = strings.TrimSuffix(line, "\n"); !want[line] {
				t.Fatalf("told is %s", line)
			}
			delete(want, line)
		}
		if len(want) > 0 {
			t.Fatalf("not told is %v", want)
		}
		for _, id := range ids {
			if seen[id] {
				t.Fatalf("the id %s is there twice", id)
			}
			seen[id] = true
		}
		if pending, err := s.Pending(); err != nil {
			t.Fatal(err)
		} else if pending {
			if err := s.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		was = is
	}
}

var errCrashed = errors.New("the process has ended")

// TestCrashAfterEveryOperation ends the process after each operation on the disk, and loses what was not synced. Whoever goes on then
// and follows the changes by their ids has the rows of the last answer, and no id stands for two bodies.
func TestCrashAfterEveryOperation(t *testing.T) {
	t.Parallel()
	answers := []string{
		`[{"pkg":"a","arch":1,"v":1},{"pkg":"b","arch":1,"v":1}]`,
		`[{"pkg":"a","arch":1,"v":2},{"pkg":"c","arch":1,"v":1}]`,
		`[{"pkg":"a","arch":1,"v":1},{"pkg":"b","arch":1,"v":1}]`,
		`[{"pkg":"a","arch":1,"v":2},{"pkg":"c","arch":1,"v":1}]`,
	}
	for stop := 1; ; stop++ {
		for _, fate := range []durabletest.Fate{durabletest.LoseAll, durabletest.KeepAll, durabletest.Some} {
			disk, f := durabletest.NewDisk(), follower{rows: map[string]string{}, bodies: map[string]string{}}
			crashed := false
			disk.SetHooks(func(n int, _ durabletest.Op, _ string) error {
				if crashed = crashed || n > stop; crashed {
					return errCrashed
				}
				return nil
			}, nil)
			for _, rows := range answers {
				if f.poll(disk, rows) != nil {
					break
				}
			}
			if !crashed {
				if stop < 20 {
					t.Fatalf("there are only %d operations", stop)
				}
				return
			}
			disk = disk.Crash(fate, rand.New(rand.NewPCG(uint64(stop), 1)))
			last := answers[stop%len(answers)]
			if err := f.poll(disk, last); err != nil {
				t.Fatalf("stopped at %d: %v", stop, err)
			}
			f.check(t, stop, last)
		}
	}
}

// follower follows the changes as the log does: an id that is known is not taken again.
type follower struct {
	rows   map[string]string
	bodies map[string]string
	faults []string
}

// poll is one session of a source: what is pending is told first.
func (f *follower) poll(disk durable.FS, rows string) error {
	s := OpenFS(disk, "/d", Shape{Key: []string{"pkg", "arch"}})
	if err := f.publish(s); err != nil {
		return err
	}
	if _, err := put(s, rows, false); err != nil {
		return err
	}
	return f.publish(s)
}

func (f *follower) publish(s *Store) error {
	pending, err := s.Pending()
	if err != nil || !pending {
		return err
	}
	err = s.Changes(func(c Change) error {
		if body, known := f.bodies[c.ID]; known {
			if body != string(c.Body) {
				f.faults = append(f.faults, "two bodies of one id: "+body+" and "+string(c.Body))
			}
			return nil
		}
		f.bodies[c.ID] = string(c.Body)
		var body struct{ Key, Row json.RawMessage }
		if err := json.Unmarshal(c.Body, &body); err != nil {
			return err
		}
		_, known := f.rows[string(body.Key)]
		if known == (c.Kind == Added) {
			f.faults = append(f.faults, string(c.Kind)+" "+string(body.Key)+" does not go on from what was told before")
		}
		if f.rows[string(body.Key)] = string(body.Row); c.Kind == Removed {
			delete(f.rows, string(body.Key))
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.Commit()
}

func (f *follower) check(t *testing.T, stop int, last string) {
	t.Helper()
	for _, fault := range f.faults {
		t.Errorf("stopped at %d: %s", stop, fault)
	}
	var want []map[string]any
	if err := json.Unmarshal([]byte(last), &want); err != nil {
		t.Fatal(err)
	}
	if len(want) != len(f.rows) {
		t.Errorf("stopped at %d: who follows has %v, want %s", stop, f.rows, last)
	}
	for _, row := range want {
		key := fmt.Sprintf(`{"pkg":"%s","arch":%v}`, row["pkg"], row["arch"])
		if is := fmt.Sprintf(`{"arch":%v,"pkg":"%s","v":%v}`, row["arch"], row["pkg"], row["v"]); f.rows[key] != is {
			t.Errorf("stopped at %d: who follows has %s of %s, want %s", stop, f.rows[key], key, is)
		}
	}
}

// TestDamage holds that a file with any byte changed, cut off anywhere, or of a newer format is refused with its name, and that
// nothing is told then.
func TestDamage(t *testing.T) {
	t.Parallel()
	s := Open(t.TempDir(), shape)
	step(t, s, `[{"pkg":"a","arch":1,"v":"1"},{"pkg":"b","arch":1}]`, true, "")
	name := filepath.Join(s.dir, fileB) // alone: the one before it has gone
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, data []byte) error {
		t.Helper()
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := put(s, `[{"pkg":"a","arch":1,"v":"2"},{"pkg":"b","arch":1}]`, false)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", what, err)
		}
		return err
	}
	rowsAt := strings.Index(string(good), "}\n") + 2
	doneAt := len(magic) + len(isDone)
	for i := range good {
		if i >= doneAt && i < rowsAt {
			continue // the head: another id or number is not noticed, and makes other ids
		}
		bad := slices.Clone(good)
		bad[i] ^= 0x20
		refused(fmt.Sprintf("byte %d", i), bad)
		refused(fmt.Sprintf("cut at %d", i), good[:i])
	}
	refused("more", append(slices.Clone(good), 0))
	if err := refused("newer", []byte(strings.Replace(string(good), magic, "fedmsg rows 3\n", 1))); fedmsg.CodeOf(err) != fedmsg.CodeConfig {
		t.Errorf("a newer format: %v", err)
	}
}
