package daemon

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
)

func TestStateIsMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 { // the second time it is there
		if err := openState(dir); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(filepath.Join(dir, "format")); err != nil || string(text) != "1\n" {
			t.Errorf("format is %q %v", text, err)
		}
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("mode is %s %v", info.Mode(), err)
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStateIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		code             fedmsg.Code
		want             string
	}{
		{"newer", "format", "2\n", fedmsg.CodeFormat, "has format 2 and this version knows formats up to 1; use a newer fedmsg"},
		{"no number", "format", "x", fedmsg.CodeFormat, "holds no number"},
		{"somebody else's", "passwd", "", fedmsg.CodeConfig, `holds "passwd", so it is not a node's`},
		{"a token was made first", "tokens.json", "{}", "", ""},
		{"a client spooled first", "spool", "", "", ""},
		{"a key was made first", "keys", "", "", ""},
		{"an authority was made first", "ca", "", "", ""},
		{"a crash while the format was written", "format.tmp", "", "", ""},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, c.file), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := openState(dir)
		if fedmsg.CodeOf(err) != c.code || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := openState(file); fedmsg.CodeOf(err) != fedmsg.CodeCannotMake {
		t.Errorf("a file: got %v", err)
	}
}

func TestSavedReaders(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"archive": "k3v5q2m7x4ab-1042 hold\n", "irc": "k3v5q2m7x4ab-7", "bad": "k3v5q2m7x4ab-7 keep", "empty": "", ".hidden": "x", "irc.tmp": "x",
		"huge": "k3v5q2m7x4ab-7" + strings.Repeat(" ", 1000),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var logged bytes.Buffer
	got := savedReaders(dir, nil, slog.New(slog.NewTextHandler(&logged, nil)))
	want := []commitlog.Pin{
		{Name: "archive", Position: fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 1042}, Hold: true},
		{Name: "bad", Hold: true},
		{Name: "empty", Hold: true},
		{Name: "huge", Hold: true},
		{Name: "irc", Position: fedmsg.Position{Log: "k3v5q2m7x4ab", Seq: 7}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(logged.String(), "\n"); n != 3 {
		t.Errorf("%d lines logged, want one for each of bad, empty and huge:\n%s", n, logged.String())
	}
	if pins := savedReaders(filepath.Join(dir, "none"), nil, slog.New(slog.DiscardHandler)); len(pins) != 1 || !pins[0].Hold {
		t.Errorf("without the directory: %v", pins)
	}
}
