package poll

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// answered is a page of which a test says what it answers, and sees whether its rows were read.
type answered struct {
	*page
	*Source

	body   string
	etag   string // without one, the page knows none
	length int    // that the page says it has; 0 for the one that it has
}

// newAnswered makes a source of one.
func newAnswered(t *testing.T, c Config) *answered {
	t.Helper()
	a := &answered{}
	a.Source = newSource(t, receive.Config{From: "poll+" + web(t, func(w http.ResponseWriter, r *http.Request) {
		if a.etag != "" {
			w.Header().Set("ETag", a.etag)
		}
		if a.etag != "" && r.Header.Get("If-None-Match") == a.etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(max(a.length, len(a.body))))
		fmt.Fprint(w, a.body)
	})}, c)
	a.page = a.asker.(*page)
	return a
}

// expect asks for a body, which is told as want says, and holds whether its rows are read for that.
func (a *answered) expect(t *testing.T, body string, read bool, want string) {
	t.Helper()
	a.body = body
	before := a.numbers.rows
	a.numbers.counted(-1)
	expect(t, a.Source, want)
	if is := a.numbers.rows >= 0; is != read {
		t.Errorf("the rows of %s were read: %v, want %v", body, is, read)
	}
	if !read {
		a.numbers.counted(before)
	}
}

const (
	bytesA = `[{"k":1,"v":"a"}]`
	bytesB = `[{"k":1,"v":"b"}]`
	aToB   = `changed {"key":{"k":1},"row":{"k":1,"v":"b"},"before":{"v":"a"}}` + "\n"
	bToA   = `changed {"key":{"k":1},"row":{"k":1,"v":"a"},"before":{"v":"b"}}` + "\n"
)

// TestSameBytes holds that an answer is not read as rows when it has the bytes of the one before, and whenever it has others, also those
// of an earlier one; and that nothing is left of it in the directory.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	a := newAnswered(t, Config{})
	a.expect(t, bytesA, true, "")
	a.expect(t, bytesA, true, "") // while it comes: nobody knew that it would be the same
	a.expect(t, bytesA, false, "")
	a.expect(t, bytesA, false, "")
	a.expect(t, bytesB, true, aToB)
	a.expect(t, bytesA, true, bToA)
	a.expect(t, bytesA, true, "")
	a.expect(t, bytesA, false, "")
	a.expect(t, bytesA+" ", true, "")
	if left, err := filepath.Glob(filepath.Join(a.dir(), "answer*")); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
}

// dir is where the rows of the source are.
func (a *answered) dir() string { return a.bytes.dir }

// TestSameBytesIgnored holds that bytes of another answer are remembered also where its rows are the same, and that a column which is left
// out does not hide the others.
func TestSameBytesIgnored(t *testing.T) {
	t.Parallel()
	a := newAnswered(t, Config{Ignore: []string{"t"}})
	for n := range 3 {
		a.expect(t, fmt.Sprintf(`[{"k":1,"v":"a","t":%d}]`, n), true, "")
	}
	a.expect(t, `[{"k":1,"v":"a","t":2}]`, true, "")
	a.expect(t, `[{"k":1,"v":"a","t":2}]`, false, "")
	a.expect(t, `[{"k":1,"v":"b","t":2}]`, true, aToB)
}

// TestSameBytesOfRefused holds that the bytes of an answer which does not count are not remembered, whatever is answered behind it, and
// that it is refused again.
func TestSameBytesOfRefused(t *testing.T) {
	t.Parallel()
	for _, etag := range []string{"", `"1"`} {
		a := newAnswered(t, Config{MaxBytes: 100})
		a.etag = etag
		for range 3 {
			a.body = bytesA
			expect(t, a.Source, "")
		}
		for body, says := range map[string]string{
			`[{"k":1},{"k":1}]`:                      "have the key [1]",
			bytesA[:9]:                               "cut off",
			`[]`:                                     "has no rows",
			bytesA + strings.Repeat(" ", 100):        "larger than max_bytes",
			`[{"k":1,"v":{"a":1,"a":2}}]`:            "no message can be made of row 1",
			`[{"v":"a"}]`:                            `has no column "k"`,
			bytesA + "]":                             "goes on behind its end",
			strings.Repeat(" ", 50) + `[{"k":null}]`: "what is no text",
		} {
			for range 3 {
				a.body, a.etag = body, ""
				refused(t, a.Source, says)
				a.body, a.etag = bytesA, etag
				expect(t, a.Source, "")
			}
		}
		a.body, a.etag, a.length = bytesA, "", len(bytesA)+1
		refused(t, a.Source, "shorter than it was to be")
	}
}

// TestSameBytesStateLost holds that an answer is read, and asked for whole, when the rows that it has are not kept any more: else what
// changes next would not be told.
func TestSameBytesStateLost(t *testing.T) {
	t.Parallel()
	for _, etag := range []string{"", `"1"`} {
		a := newAnswered(t, Config{})
		a.etag = etag
		for range 3 {
			a.body = bytesA
			expect(t, a.Source, "")
		}
		kept, err := filepath.Glob(filepath.Join(a.dir(), "rows-*"))
		if err != nil || len(kept) == 0 {
			t.Fatal(kept, err)
		}
		for _, name := range kept {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		a.expect(t, bytesA, true, "")
		a.etag = ""
		a.expect(t, bytesB, true, aToB)
	}
}

// TestSameBytesOtherReading holds that another source of the same rows, as after a restart with other settings, reads an answer whose
// bytes the one before knew.
func TestSameBytesOtherReading(t *testing.T) {
	t.Parallel()
	a := newAnswered(t, Config{Rows: "old"})
	both := `{"old":[{"k":1,"v":"a"}],"new":[{"k":1,"v":"b"}]}`
	for _, read := range []bool{true, true, false} {
		a.expect(t, both, read, "")
	}
	s, err := NewSource(receive.Config{From: Scheme + a.address, Topics: []fedmsg.Pattern{fedmsg.MatchAll()}},
		Config{Topic: "wb.package", Key: []string{"k"}, Rows: "new"}, Options{TopicPrefix: "org.example", Environment: "dev", Dir: a.dir()})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, s, aToB)
}

// TestSameBytesOfProgram holds that what a program printed before does not count when it fails, and is still known when it does not.
func TestSameBytesOfProgram(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "rows")
	write := func(text string) {
		if err := os.WriteFile(script, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s := newSource(t, receive.Config{From: "poll+exec:"}, Config{Command: []string{script}, Format: "csv", Timeout: 2 * time.Minute, MaxBytes: 1 << 16})
	for range 3 {
		write(`printf 'k,v\n1,a\n'`)
		expect(t, s, "")
	}
	if !s.asker.(*printer).steady {
		t.Error("the bytes are not known")
	}
	for says, text := range map[string]string{
		"it said: oh":           `printf 'k,v\n1,a\n'; echo oh >&2; exit 3`,
		"signal: killed":        `printf 'k,v\n1,a\n'; kill -9 $$`,
		"has no end":            `printf 'k,v\n1,a'`,
		"larger than max_bytes": `printf 'k,v\n1,a\n'; yes 1,a`,
	} {
		write(text)
		refused(t, s, says)
	}
	write(`printf 'k,v\n1,b\n'`)
	expect(t, s, `changed {"key":{"k":"1"},"row":{"k":"1","v":"b"},"before":{"v":"a"}}`+"\n")
}

// TestSameBytesNoRoom holds that an answer which cannot be kept while it comes is no answer, and that the fault is said to be of here.
func TestSameBytesNoRoom(t *testing.T) {
	t.Parallel()
	a := newAnswered(t, Config{})
	for range 3 {
		a.body = bytesA
		expect(t, a.Source, "")
	}
	a.bytes.dir = filepath.Join(a.bytes.dir, "nowhere")
	a.body = bytesB
	_, making := look(t, a.Source)
	_, writing := toFile{nil, a.bytes.dir}.Write([]byte(bytesB))
	for _, err := range []error{making, writing} {
		if fedmsg.CodeOf(err) != fedmsg.CodeCannotMake {
			t.Errorf("%v; want that it cannot be kept", err)
		}
	}
}
