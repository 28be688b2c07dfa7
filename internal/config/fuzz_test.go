package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzFile has no text of a file end the program, every fault have a place in the file, and what was taken be shown as a
// file that is taken again with the same settings.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		"topic_prefix = 'org.x'\n[log]\nmax_age = '3d'\n[[publisher]]\nuid = '0'\ntopics = ['#', 'a.*']\n",
		"http = {listen = ['http://127.0.0.1:1'], stream = {max = 5}}\npublisher = [{token = 'x', topics = []}]",
		"log.max_bytes = 0x10\n[log.x]\n[publisher.x]\n[[publisher.x]]\n[[http.stream]]\n[http.stream.max]\n",
		"a.b.c = 1\n'' = 2\n\"\\u00e9\".x = [[1, [2]], {a = 1979-05-27}]\n[limits]\ndepth = 9223372036854775807\nbody = -1\n",
		"publisher = [1, {uid = 5}]\nlog = [{}]\nlimits = 1.5\ntopic_prefix = [[]]\n[[log]]\n[publisher]\n",
		"limits.body = 2000000\n",
		"state = '/a\"b\\\\'\nnode = \"\\u0001\\u007f é\"\n",
	} {
		f.Add(seed)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(dir, "fedmsg.toml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		src := Source{File: file, UID: 1, Exists: func(string) bool { return false }}
		first, err := Load(src)
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, file+":") && !strings.HasPrefix(line, "the configuration has ") {
					t.Errorf("a fault without a place: %s", line)
				}
			}
			return
		}
		var shown strings.Builder
		if err := first.WriteTOML(&shown); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(shown.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		second, err := Load(src)
		if err != nil {
			t.Fatalf("%v\n%s", err, shown.String())
		}
		if diff := cmp.Diff(values(first), values(second)); diff != "" {
			t.Errorf("%s\n%s", diff, shown.String())
		}
	})
}

// values is the settings without their origins.
func values(l *Loaded) map[string]any {
	out := map[string]any{}
	for _, s := range l.Settings() {
		out[s.Key] = s.Value
	}
	return out
}
