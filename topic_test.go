package fedmsg

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCheckTopic(t *testing.T) {
	long := strings.Repeat("a", 255)
	for _, test := range []struct {
		topic        string
		atNew, atOld bool
		words        string // what the refusal of the new door says
	}{
		{"org.debian.prod.bts.bug.close", true, true, ""},
		{"a", true, true, ""},
		{"A-z_0+9~", true, true, ""},
		{long, true, true, ""},
		{long + "a", false, false, "limits.topic_bytes is 255"},
		{"1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16", true, true, ""},
		{"1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17", false, false, "limits.topic_words is 16"},
		{"", false, false, "empty"},
		{"a..b", false, true, "empty word"},
		{".a", false, true, "empty word"},
		{"a.", false, true, "ends with a dot"},
		{"/topic/VirtualTopic.eng.x", false, true, "'/'"},
		{"a b", false, true, "' '"},
		{"café.😀", false, true, "'é'"},
		{"a\x00b", false, false, `'\x00'`},
		{"a\u0085b", false, false, `'\u0085'`},
		{"a\x7f", false, false, `'\x7f'`},
		{"a\xff", false, false, "'\ufffd'"},
		{"a\nb", false, false, `'\n'`},
	} {
		l := DefaultLimits()
		err := l.CheckTopic(test.topic)
		if (err == nil) != test.atNew {
			t.Errorf("new door: %q: %v", test.topic, err)
		}
		if err != nil && (CodeOf(err) != CodeBadTopic || !strings.Contains(err.Error(), test.words)) {
			t.Errorf("new door: %q: %v does not say %q", test.topic, err, test.words)
		}
		err = l.CheckOldTopic(test.topic)
		if (err == nil) != test.atOld || err != nil && CodeOf(err) != CodeBadTopic {
			t.Errorf("old wire: %q: %v", test.topic, err)
		}
	}
}

// TestTopicDoors holds that every topic of a new door passes on the old wire.
func TestTopicDoors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		topic := rapid.OneOf(rapid.StringMatching(`[a-c.~+_-]{1,40}`), rapid.String()).Draw(t, "topic")
		l := DefaultLimits()
		if l.CheckTopic(topic) == nil && l.CheckOldTopic(topic) != nil {
			t.Fatalf("%q is refused only on the old wire", topic)
		}
	})
}

func TestLintTopic(t *testing.T) {
	for topic, words := range map[string]string{
		"org.debian.prod.bts.bug.close": "",
		"org.example.dev.x.y":           "",
		"org.example.production.x.y.z":  "",
		"org.example.prod.x":            "fewer than two words",
		"org.example.bts.bug":           "no environment word",
		"dev.a.b":                       "no environment word",
	} {
		got := LintTopic(topic)
		if (got == "") != (words == "") || !strings.Contains(got, words) {
			t.Errorf("%s: %q", topic, got)
		}
	}
}

func TestFullTopic(t *testing.T) {
	for _, test := range []struct{ prefix, environment, modname, topic, want string }{
		{"org.example", "dev", "git", "repo.update", "org.example.dev.git.repo.update"},
		{"org.example", "dev", "", "repo.update", "org.example.dev.repo.update"},
		{"org.example", "dev", "git", "", "org.example.dev.git.unspecified"},
		{"org.example", "dev", "", "org.example.prod.a.b", "org.example.prod.a.b"},
		{"org.example", "dev", "git", "org.example.prod.a.b", "org.example.prod.a.b"}, // full: no modname is put in
		{"org.example", "dev", "git", "org.example", "org.example"},
		{"org.example", "dev", "git", "org.examples.a", "org.example.dev.git.org.examples.a"},
		{"org.example", "dev", "org.exampleX", "a", "org.exampleX.a"}, // of modname and topic no dot is asked for
		{"org.example", "dev", "", "org.examples.a", "org.examples.a"},
		{"", "dev", "git", "", "git.unspecified"},
		{"", "dev", "git", ".a", "git..a"},
	} {
		if got := FullTopic(test.prefix, test.environment, test.modname, test.topic); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}
