package ops

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"golang.org/x/sys/unix"
)

func TestHandlerLine(t *testing.T) {
	var buf bytes.Buffer
	log := slog.New(NewHandler(&buf, HandlerOptions{Level: slog.LevelDebug}))
	log.With("door", "http").WithGroup("peer").Warn("refused a message",
		"uid", 1000, "name", "two words", "empty", "", "quoted", `say "x"=1`, "at", time.Unix(0, 0), "err", errors.New("a: b"),
		slog.Group("tls", "on", true, "for", 3*time.Second))
	want := `WARN refused a message door=http peer.uid=1000 peer.name="two words" peer.empty="" peer.quoted="say \"x\"=1" ` +
		`peer.at=1970-01-01T00:00:00Z peer.err="a: b" peer.tls.on=true peer.tls.for=3s` + "\n"
	if buf.String() != want {
		t.Errorf("got  %swant %s", buf.String(), want)
	}
}

// TestHandlerOneLine feeds every place of a record with text that tries to leave its line.
func TestHandlerOneLine(t *testing.T) {
	const evil = "x\nERROR forged\x1b[2J\u2028\xff"
	var buf bytes.Buffer
	log := slog.New(NewHandler(&buf, HandlerOptions{}))
	log.WithGroup(evil).With(evil, evil).Info(evil, evil, evil, "err", errors.New(evil), slog.Group(evil, evil, []string{evil}))
	line := strings.TrimSuffix(buf.String(), "\n")
	if got := Printable(line); got != line {
		t.Errorf("not printable: %q", line)
	}
	if strings.Count(line, `\x1b[2J`) != 13 {
		t.Errorf("text is missing: %q", line)
	}
}

func TestHandlerLevels(t *testing.T) {
	for _, c := range []struct {
		o    HandlerOptions
		want string
	}{
		{HandlerOptions{Level: slog.LevelDebug, Journal: true}, "<7>DEBUG m\n<6>INFO m\n<4>WARN m\n<3>ERROR m\n"},
		{HandlerOptions{}, "INFO m\nWARN m\nERROR m\n"},
		{HandlerOptions{Level: slog.LevelWarn, Color: true}, "\x1b[33mWARN\x1b[0m m\n\x1b[31mERROR\x1b[0m m\n"},
	} {
		var buf bytes.Buffer
		log := slog.New(NewHandler(&buf, c.o))
		log.Debug("m")
		log.Info("m")
		log.Warn("m")
		log.Error("m")
		if buf.String() != c.want {
			t.Errorf("%+v: got %q, want %q", c.o, buf.String(), c.want)
		}
	}
}

// TestHandlerContract runs the standard library's suite for handlers over our lines.
func TestHandlerContract(t *testing.T) {
	var buf bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		buf.Reset()
		return NewHandler(&buf, HandlerOptions{Time: true})
	}, func(t *testing.T) map[string]any { return parseLine(t, buf.String()) })
}

// parseLine reads a line back, with groups as nested maps. The suite's messages are one word and its values have no spaces.
func parseLine(t *testing.T, line string) map[string]any {
	m := map[string]any{}
	fields := strings.Fields(line)
	if _, err := time.Parse(time.RFC3339, fields[0]); err == nil {
		m[slog.TimeKey] = fields[0]
		fields = fields[1:]
	}
	m[slog.LevelKey], m[slog.MessageKey] = fields[0], fields[1]
	for _, f := range fields[2:] {
		key, value, ok := strings.Cut(f, "=")
		if !ok {
			t.Fatalf("field %q of %q has no value", f, line)
		}
		at, path := m, strings.Split(key, ".")
		for _, g := range path[:len(path)-1] {
			if at[g] == nil {
				at[g] = map[string]any{}
			}
			at = at[g].(map[string]any)
		}
		at[path[len(path)-1]] = value
	}
	return m
}

func TestJournal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(w.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	own := fmt.Sprintf("%d:%d", st.Dev, st.Ino)
	env := func(v string) func(string) string {
		return func(k string) string {
			if k == "JOURNAL_STREAM" {
				return v
			}
			return ""
		}
	}
	if !Journal(w, env(own)) {
		t.Error("the stream that JOURNAL_STREAM names is not seen as the journal")
	}
	if Journal(w, env("8:1")) || Journal(w, env("")) || Journal(&bytes.Buffer{}, env(own)) {
		t.Error("something else is seen as the journal")
	}
	if Terminal(w) || Color(w, env("")) {
		t.Error("a pipe is seen as a terminal")
	}
}
