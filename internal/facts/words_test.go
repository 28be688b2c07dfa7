package facts

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"

	"github.com/federated-messaging/fedmsg"
)

// TestQuery holds what the words of a text are.
func TestQuery(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 40)
	for text, want := range map[string]string{
		"": "", " \n": "", "Hello, World": "hello world", "a a A": "a", "libfoo2-dev_1.5~rc1": "libfoo2 dev 1 5 rc1", "x.y": "x y",
		"Café cafe\u0301 CAFÉ": "café", "ﬁle Ｗｉｄｅ ①": "file wide 1", "straße": "straße", "日本語 テスト": "日本語 テスト", "हिन्दी": "हिन्दी",
		"a\u0301b": "áb", "-\u0301x": "x", "Ünïcode-ABC": "ünïcode abc", strings.Repeat("a", 100): strings.Repeat("a", 64), long: long[:64], "x" + long: "x" + long[:62],
		"a\xffb": "a b",
	} {
		if got := strings.Join(Query(text), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestWords holds that all the words of a message are those of its topic, headers and body, read in another way.
func TestWords(t *testing.T) {
	t.Parallel()
	e := entry(`{"X-Y":"from Header","n":12}`, `{"Name":"Caf\u00e9 <b>","k\u00e9y":[1,-2.5e3,true,null,{"deep":["a","b\nc"]}],"t":"\ud83d\ude00x"}`)
	want := strings.Fields("org debian prod bts bug close x y from header n 12 name café b kéy 1 2 5e3 deep a c t")
	got := Words([]string{"before"}, e)
	if got[0] != "before" {
		t.Errorf("begins with %q", got[0])
	}
	got = got[1:]
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for msg, want := range map[string]string{`"two words"`: "two words", `17`: "17", `null`: "", `["one"]`: "one"} {
		e := &fedmsg.Entry{Envelope: []byte(`{"msg":` + msg + `}`)}
		if got := strings.Join(Words(nil, e), " "); got != want {
			t.Errorf("%s: %q, want %q", msg, got, want)
		}
	}
}

// slowWords is the definition of words, as slow as it is plain.
func slowWords(t *testing.T, e *fedmsg.Entry) []string {
	var envelope struct{ Headers, Msg any }
	d := json.NewDecoder(strings.NewReader(string(e.Envelope)))
	d.UseNumber()
	if err := d.Decode(&envelope); err != nil {
		t.Fatal(err)
	}
	texts := []string{e.Topic}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, item := range v {
				texts = append(texts, key)
				walk(item)
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		case string:
			texts = append(texts, v)
		case json.Number:
			texts = append(texts, v.String())
		}
	}
	walk(envelope.Headers)
	walk(envelope.Msg)
	var all []string
	for _, text := range texts {
		for _, word := range strings.FieldsFunc(norm.NFKC.String(text), func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
		}) {
			word = strings.Map(unicode.ToLower, strings.TrimLeftFunc(word, unicode.IsMark))
			for len(word) > MaxWordBytes || !utf8.ValidString(word) {
				word = word[:min(len(word)-1, MaxWordBytes)]
			}
			if word != "" {
				all = append(all, word)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestMostWords holds that no message is found by more than its share.
func TestMostWords(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, `"w%d",`, i)
	}
	if got := Words(nil, entry(`{}`, `[`+b.String()+`"last"]`)); len(got) != MaxWords || got[MaxWords-1] != More {
		t.Errorf("%d words, the last is %q", len(got), got[len(got)-1])
	}
	if got := Words(nil, entry(`{}`, `"`+strings.Repeat("é ", maxComposed)+`last"`)); got[len(got)-1] != More {
		t.Errorf("the last word of many characters is %q", got[len(got)-1])
	}
	if got := Words(nil, entry(`{}`, `"`+strings.Repeat("e ", maxComposed)+`last"`)); got[len(got)-1] != "last" {
		t.Errorf("the last word of many characters is %q", got[len(got)-1])
	}
}

func BenchmarkWords(b *testing.B) {
	e := entry(`{"fedora_messaging_severity":"20"}`, `{"bug":{"owner":"ralph","number":1234,"title":"`+strings.Repeat("some words here ", 40)+`"},"package":{"name":"gdb"}}`)
	b.SetBytes(int64(len(e.Envelope)))
	b.ReportAllocs()
	for b.Loop() {
		Words(nil, e)
	}
}

// TestRedactedWords holds that nothing is found by words of which nobody may know, not even by those of the topic.
func TestRedactedWords(t *testing.T) {
	t.Parallel()
	if got := Words([]string{"before"}, &fedmsg.Entry{Topic: "org.example.prod.git.push"}); len(got) != 1 {
		t.Errorf("the words of a redacted entry are %q", got)
	}
}
