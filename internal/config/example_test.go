package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryKeyHasAMeaning fails when a package adds a key that no one explains.
func TestEveryKeyHasAMeaning(t *testing.T) {
	var walk func(s *section)
	walk = func(s *section) {
		s = s.shape()
		for _, k := range s.keys {
			if meaning(k.name) == "" {
				t.Errorf("the key %s has no meaning", k.name)
			}
		}
		for _, sub := range s.tables {
			walk(sub)
		}
	}
	walk(newSection("", reflect.ValueOf(new(Config)).Elem()))
}

// TestExample has the example, with its comment signs taken off, be the defaults of root.
func TestExample(t *testing.T) {
	var b strings.Builder
	if err := WriteExample(&b); err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^#([a-z0-9_]+ = )`).ReplaceAllString(b.String(), "$1")
	text, _, _ = strings.Cut(text, "\n#[[publisher]]")
	l, err := Load(Source{File: write(t, "fedmsg.toml", text), Exists: func(string) bool { return true }})
	if err != nil {
		t.Fatal(err, "\n", text)
	}
	want := Default(System{Getenv: func(string) string { return "" }, Exists: func(string) bool { return true }})
	if diff := cmp.Diff(want, l.Config); diff != "" {
		t.Error(diff)
	}
	for _, s := range l.Settings() {
		if !strings.HasPrefix(s.Origin, "/") {
			t.Errorf("%s is not in the example", s.Key)
		}
	}
}

// TestDocument has docs/config.md show the example as it is.
func TestDocument(t *testing.T) {
	doc, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := WriteExample(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), "```toml\n"+b.String()+"```\n") {
		t.Error("docs/config.md does not have what `fedmsg config example` writes; put it there")
	}
}
