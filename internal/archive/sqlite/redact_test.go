package sqlite

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// opened gives a store in a new file.
func opened(t testing.TB) (s *Store, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "archive.sqlite")
	return openedAt(t, file), file
}

func openedAt(t testing.TB, file string) *Store {
	t.Helper()
	s, err := Open(t.Context(), file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.(*Store)
}

func put(t testing.TB, s archive.Store, entries []fedmsg.Entry) {
	t.Helper()
	drafts := make([]archive.Draft, len(entries))
	for i := range entries {
		drafts[i] = archive.DraftOf(&entries[i])
	}
	if _, err := s.Append(t.Context(), drafts, entries[len(entries)-1].Position); err != nil {
		t.Fatal(err)
	}
}

// secret is what only one message says.
type secret struct {
	id     string
	needle []byte // beginning of the user's name, the package's, a word, and a word with an escape
}

// hide writes a secret into an entry: as names, as a word, in escapes, in letters that only look different, and now and then as so many
// words that pages of the index have no others.
func hide(r *rand.Rand, e *fedmsg.Entry) secret {
	word := func(prefix string) string {
		b := []byte(prefix)
		for range 20 {
			b = append(b, byte('a'+r.IntN(26)))
		}
		return string(b)
	}
	needle := word("q")
	var many []string
	if r.IntN(5) == 0 {
		needle = word("primaryq") // behind a word that all messages have
		for range 1500 {
			many = append(many, word(needle))
		}
	}
	wide := strings.Map(func(c rune) rune { return c + 'ａ' - 'a' }, word(needle))
	e.Envelope = fmt.Appendf(nil, `{"msg":{"user":"%s","users":["%s"],"package":"%s","text":"it is %s \u%04x%s really","wide":"%s","many":"%s"},"topic":"%s"}`,
		word(needle), word(needle), word(needle), word(needle), needle[0], word(needle[1:]), wide, strings.Join(many, " "), e.Topic)
	return secret{e.ID, []byte(needle)}
}

// files gives all that stands in the directory of a file.
func files(t testing.TB, file string) (all []byte) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range found {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

// blocks gives what the file keeps of the blocks that a condition is true of.
func blocks(t testing.TB, s *Store, condition string, args ...any) (data []byte) {
	t.Helper()
	if err := s.read(t.Context(), "look", func(c *sqlite.Conn) error {
		return exec(c, "SELECT data FROM blocks WHERE "+condition, func(st *sqlite.Stmt) error {
			data = append(data, columnBytes(st, 0)...)
			return nil
		}, args...)
	}); err != nil {
		t.Fatal(err)
	}
	return data
}

// unpacked gives what all blocks say.
func (s *Store) unpacked(t testing.TB) (all []byte) {
	t.Helper()
	if err := s.read(t.Context(), "look", func(c *sqlite.Conn) error {
		return exec(c, "SELECT data, size FROM blocks", func(st *sqlite.Stmt) error {
			data, err := s.codec.Unpack(columnBytes(st, 0), st.ColumnInt64(1), nil)
			all = append(all, data...)
			return err
		})
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestErasedIsInNoFile erases messages of an archive that has grown, and looks for what only they said in every file.
func TestErasedIsInNoFile(t *testing.T) {
	t.Parallel()
	s, file := opened(t)
	r := rand.New(rand.NewPCG(1, 2))
	bus := newBus()
	var secrets []secret
	var others []fedmsg.Entry
	for range 30 {
		entries := bus.next(1 + r.IntN(60))
		for i := range entries {
			if r.IntN(40) == 0 {
				secrets = append(secrets, hide(r, &entries[i]))
			} else {
				others = append(others, entries[i])
			}
		}
		put(t, s, entries)
	}
	for range 2 { // words are in the index several times then
		for behind := archive.Key(0); ; {
			last, err := s.Reindex(t.Context(), behind, 300, archive.DraftOf)
			if err != nil {
				t.Fatal(err)
			}
			if behind = last; last == 0 {
				break
			}
		}
	}
	r.Shuffle(len(secrets), func(i, j int) { secrets[i], secrets[j] = secrets[j], secrets[i] })
	for n, secret := range secrets {
		if len(bytes.Split(files(t, file), secret.needle)) < 4 {
			t.Fatal("this test does not find what is there")
		}
		block := blocks(t, s, "block = (SELECT block FROM messages WHERE id = ?)", secret.id)
		found, err := s.Redact(t.Context(), archive.Redaction{ID: secret.id, By: "uid:0", At: time.Unix(1, 0)})
		if err != nil || !found {
			t.Fatal(found, err)
		}
		all, now := files(t, file), blocks(t, s, "true")
		if i := bytes.Index(all, secret.needle); i >= 0 {
			t.Errorf("secret %d of %d is in a file: %q", n, len(secrets), all[max(0, i-100):i+100])
		}
		if said := s.unpacked(t); bytes.Contains(said, secret.needle) {
			t.Errorf("secret %d of %d is in a block", n, len(secrets))
		}
		for part := range slices.Chunk(block[:len(block)/24*24], 24) {
			if !bytes.Contains(now, part) && bytes.Contains(all, part) {
				t.Errorf("secret %d of %d: a part of its block is in a file still", n, len(secrets))
				break
			}
		}
	}
	whole(t, s)
	for _, e := range others {
		words := archive.DraftOf(&e).Words
		word := words[r.IntN(len(words))]
		keys, err := s.Words(t.Context(), []string{word}, archive.Window{From: archive.KeyOf(e.Received), To: archive.KeyOf(e.Received) + 1}, 1)
		if err != nil || len(keys) != 1 {
			t.Errorf("by %q %s is not found any more: %v, %v", word, e.ID, keys, err)
		}
	}
}

// whole has SQLite look whether the file is one that it would have made.
func whole(t testing.TB, s *Store) {
	t.Helper()
	if err := s.write(t.Context(), "check", func(c *sqlite.Conn) error {
		if err := exec(c, "INSERT INTO text (text) VALUES ('integrity-check')", nil); err != nil {
			return err
		}
		return exec(c, "PRAGMA integrity_check", func(st *sqlite.Stmt) error {
			if text := st.ColumnText(0); text != "ok" {
				t.Errorf("the file is not whole: %s", text)
			}
			return nil
		})
	}); err != nil {
		t.Error(err)
	}
}

// TestErasedFromFewRows erases from an archive that has next to nothing else, where SQLite's own numbers of rows leave no room.
func TestErasedFromFewRows(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for range 6 {
		s, file := opened(t)
		entries := newBus().next(3)
		hidden := hide(r, &entries[1])
		put(t, s, entries)
		for range r.IntN(3) {
			if _, err := s.Reindex(t.Context(), 0, 10, archive.DraftOf); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range []string{hidden.id, entries[0].ID, entries[2].ID} {
			if found, err := s.Redact(t.Context(), archive.Redaction{ID: id, By: "uid:0", At: time.Unix(1, 0)}); err != nil || !found {
				t.Errorf("%d words: %v, %v", len(archive.DraftOf(&entries[1]).Words), found, err)
			}
		}
		if bytes.Contains(files(t, file), hidden.needle) {
			t.Error("it is in a file")
		}
		put(t, s, newBus().next(4)[3:])
		whole(t, s)
	}
}
