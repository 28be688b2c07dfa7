package debian_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/debian"
	"github.com/federated-messaging/fedmsg/internal/mailmsg"
)

// reading is what a mail says, as a person reads it.
type reading struct {
	File     string      `json:"file"`
	Kind     debian.Kind `json:"kind"`
	Packages []string    `json:"packages"`
	Numbers  []int       `json:"numbers"` // of bugs, in order; of an upload those that it closes
	Version  string      `json:"version"`
	Person   string      `json:"person"`
	Failed   bool        `json:"failed,omitempty"` // the upload queue gave the upload up
}

// TestExpected compares what each of the 158 mails says with the table that was written by hand before there was code to read them.
func TestExpected(t *testing.T) {
	t.Parallel()
	compare(t, "testdata/expected.jsonl", fedmsgtest.Shared(t, "corpus", "debian-mails"), 158)
}

// TestOwn does the same with mails of the same kinds that were made for it: other packages and people, encodings and signatures, and
// kinds that are not among the 158.
func TestOwn(t *testing.T) {
	t.Parallel()
	compare(t, "testdata/own.jsonl", "testdata/own", 40)
}

// compare holds a table against the mails of a directory, all of which must be in it, and prints the share that is right.
func compare(t *testing.T, table, dir string, least int) {
	t.Helper()
	want := readings(t, table)
	right, known := 0, make(map[string]bool)
	for _, w := range want {
		known[w.File] = true
		got := read(t, w.File, filepath.Join(dir, w.File))
		if reflect.DeepEqual(got, w) {
			right++
			continue
		}
		t.Errorf("got  %+v\nwant %+v", got, w)
	}
	t.Logf("%d of %d mails are read right: %.1f %%", right, len(want), 100*float64(right)/float64(len(want)))
	if len(want) < least {
		t.Errorf("%s has %d mails, want %d", table, len(want), least)
	}
	for _, file := range filesOf(t, dir) {
		if !known[file] && file != "INDEX.jsonl" {
			t.Errorf("%s is not in %s", file, table)
		}
	}
}

// readings reads a table.
func readings(t *testing.T, table string) []reading {
	t.Helper()
	data, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	var all []reading
	for line := range bytes.Lines(data) {
		var r reading
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%s: %s: %s", table, line, err)
		}
		all = append(all, r)
	}
	return all
}

// filesOf gives the files below a directory, by their paths in it.
func filesOf(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			all = append(all, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// parse reads a mail from a file.
func parse(t *testing.T, path string) *mailmsg.Mail {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mailmsg.Parse(raw, mailmsg.Limits{})
	if err != nil {
		t.Fatalf("%s: %s", path, err)
	}
	return m
}

// read reads a mail and what is published of it, as its readers see it: as JSON.
func read(t *testing.T, name, path string) reading {
	t.Helper()
	m := parse(t, path)
	kind, events := debian.Classify(m)
	r := reading{File: name, Kind: kind, Packages: []string{}, Numbers: []int{}}
	if len(events) == 0 {
		r.Person = m.From.String()
		return r
	}
	if len(events) != 1 || events[0].Topic != kind.Topic() {
		t.Errorf("%s: %d events, the first on %s, want one on %s", name, len(events), events[0].Topic, kind.Topic())
	}
	body := object(t, events[0].Body)
	r.Packages = append(r.Packages, texts(body["packages"])...)
	r.Version = text(body["version"]) + text(body["Version"])
	if p, ok := body["person"].(map[string]any); ok {
		r.Person = mailmsg.Address{Name: text(p["name"]), Email: text(p["email"])}.String()
	}
	r.Failed = body["outcome"] == "failed"
	numbers := strings.Fields(text(body["nb"]) + " " + text(body["bug"]) + " " + text(body["Closes"]))
	if bugs, ok := body["bugs"].([]any); ok {
		for _, b := range bugs {
			numbers = append(numbers, text(b.(map[string]any)["nb"]))
		}
	}
	for _, n := range numbers {
		i, err := strconv.Atoi(n)
		if err != nil {
			t.Errorf("%s: %q is no number of a bug", name, n)
		}
		r.Numbers = append(r.Numbers, i)
	}
	slices.Sort(r.Numbers)
	return r
}

// object gives a body as its readers see it.
func object(t *testing.T, body any) map[string]any {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	var o map[string]any
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// text gives a text, or nothing.
func text(value any) string {
	s, _ := value.(string)
	return s
}

// texts gives a list of texts.
func texts(value any) []string {
	var all []string
	list, _ := value.([]any)
	for _, v := range list {
		all = append(all, text(v))
	}
	return all
}
