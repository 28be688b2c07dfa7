package poll

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/rowset"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// rowsOf is a source of whatever body is.
func rowsOf(t *testing.T, body *string, c Config) *Source {
	t.Helper()
	return newSource(t, receive.Config{From: "poll+" + web(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, *body) })}, c)
}

// TestWrittenAgain holds that a page is asked for whole as long as it may be written once more in the second in which it was written, which
// neither its Last-Modified nor an ETag that is made of it would tell.
func TestWrittenAgain(t *testing.T) {
	t.Parallel()
	written := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	now, body, conditional := written, `[{"k":1,"v":"a"}]`, 0
	s := newSource(t, receive.Config{From: "poll+" + web(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Last-Modified", written.Format(http.TimeFormat))
		w.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, written.Unix(), len(body)))
		w.Header().Set("Date", now.Format(http.TimeFormat))
		if r.Header.Get("If-Modified-Since") != "" || r.Header.Get("If-None-Match") != "" {
			conditional++
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, body)
	})}, Config{})
	expect(t, s, "")
	body = `[{"k":1,"v":"b"}]` // of the same second, and as long
	now = now.Add(time.Second)
	expect(t, s, `changed {"key":{"k":1},"row":{"k":1,"v":"b"},"before":{"v":"a"}}`+"\n")
	now = now.Add(time.Second)
	expect(t, s, "")
	if conditional > 0 {
		t.Error("it was asked whether it changed since a second in which it may have")
	}
	expect(t, s, "")
	if conditional != 1 {
		t.Error("it was not asked whether it changed")
	}
}

// TestFirst holds that no burst comes of an empty answer before the first one with rows, nor of other columns that are left out or make
// the key, also where the rows of the very first answer are published.
func TestFirst(t *testing.T) {
	t.Parallel()
	body := `[]`
	s := rowsOf(t, &body, Config{})
	refused(t, s, "none before it to compare with")
	body = `[{"k":1,"v":"a","w":1}]`
	expect(t, s, "")
	s = rowsOf(t, &body, Config{First: FirstPublish})
	expect(t, s, `added {"key":{"k":1},"row":{"k":1,"v":"a","w":1}}`+"\n")
	dir := s.store
	s = rowsOf(t, &body, Config{First: FirstPublish, Ignore: []string{"w"}})
	if err := dir.CopyTo(s.store); err != nil {
		t.Fatal(err)
	}
	body = `[]`
	refused(t, s, "none before it to compare with")
	body = `[{"k":1,"v":"a","w":1}]`
	expect(t, s, "")
	body = `[{"k":1,"v":"b","w":2}]`
	expect(t, s, `changed {"key":{"k":1},"row":{"k":1,"v":"b"},"before":{"v":"a"}}`+"\n")
}

// TestUntakeable holds that rows of which the door would take no message are refused when they come, and not when they change.
func TestUntakeable(t *testing.T) {
	t.Parallel()
	body := ""
	s := rowsOf(t, &body, Config{Ignore: []string{"big"}})
	for value, says := range map[string]string{
		`{"a":1,"\u0061":2}`:                              "no message can be made of row 1",
		strings.Repeat("[", 63) + strings.Repeat("]", 63): "no message can be made of row 1",
		`"` + strings.Repeat("x", 1<<18) + `"`:            "at most 262144 are taken",
	} {
		body = `[{"k":1,"v":` + value + `}]`
		refused(t, s, says)
	}
	body = `[{"k":1,"big":"` + strings.Repeat("x", 1<<18) + `","v":` + strings.Repeat("[", 61) + strings.Repeat("]", 61) + `}]`
	expect(t, s, "")
}

// TestLargest holds that a message of a change fits where both rows are as large as they may be.
func TestLargest(t *testing.T) {
	t.Parallel()
	limits := fedmsg.DefaultLimits()
	limits.Body = 8192
	body := ""
	s := rowsOf(t, &body, Config{})
	s, err := NewSource(receive.Config{From: "poll+" + s.asker.(*page).address, Topics: []fedmsg.Pattern{fedmsg.MatchAll()}}, Config{Topic: "x", Key: []string{"k"}},
		Options{TopicPrefix: "org.example", Environment: "dev", Limits: limits, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	row := func(letter string) string {
		b := `[{"k":"` + strings.Repeat("k", 1000) + `"`
		for n := 0; len(b) < limits.Body/rowShare-10; n++ {
			b += fmt.Sprintf(`,"%s%d":1`, letter, n)
		}
		return b + `}]`
	}
	body = row("a")
	expect(t, s, "")
	body = row("b")
	if differs, err := s.Look(t.Context()); !differs || err != nil {
		t.Fatal(differs, err)
	}
	d := wire.Decoder{Limits: limits}
	err = s.Changes(func(_ rowset.Kind, m wire.Carried) error {
		_, err := d.Carried(&m)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// someRedacted are ids of messages that were redacted.
type someRedacted map[string]bool

// Redactions is how many there are.
func (r someRedacted) Redactions() int { return len(r) }

// Redacted reports whether a message was.
func (r someRedacted) Redacted(id string) bool { return r[id] }

// TestRedacted holds that what a redacted message said of a row is not said again when the row changes.
func TestRedacted(t *testing.T) {
	t.Parallel()
	body := `[{"k":1,"v":"hunter2"}]`
	s := rowsOf(t, &body, Config{First: FirstPublish})
	if _, err := s.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	known := someRedacted{}
	if err := s.Changes(func(_ rowset.Kind, m wire.Carried) error { known[m.ID] = true; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := s.store.Commit(); err != nil {
		t.Fatal(err)
	}
	for _, r := range []someRedacted{{}, known, known} {
		if err := s.withhold(r); err != nil {
			t.Fatal(err)
		}
	}
	body = `[{"k":1,"v":""}]`
	expect(t, s, `changed {"key":{"k":1},"row":{"k":1,"v":""}}`+"\n")
}
