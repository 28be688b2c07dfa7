package jsonwalk

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg/fedmsgtest"
)

const document = `{"bug":{"severity":"serious","number":12345678901234567,"tags":["a","b\u00e9","\"q\""],"closed":false},` +
	` "n" : 3, "x":-1.5e3, "nothing":null, "empty":{}, "none":[], "commits":[{"files":["debian/rules","src/a.c"],"n":1},{"files":[],"n":2}],` +
	`"a.b":"dotted","k\u00e9y":"escaped key","text":"Hello \ud83d\ude00\n\t\\\/ World\ud83d","deep":[[1,2],[3]],"in":"word"}`

// FuzzMember holds the walk over JSON against encoding/json.
func FuzzMember(f *testing.F) {
	for _, s := range []string{document, `{"a":1}`, `{}`, `{"a":{"a":[{"a":"}"}]},"b":"\\\""}`, `{"a"`, `[1,2`, `{"a":"\`, `{"a":"\\`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { agrees(t, data) })
}

// agrees holds that every member that encoding/json finds in an object is found, with that value and text, and so is everything
// below it; where it is no JSON, only that there is an end.
func agrees(t *testing.T, data []byte) {
	t.Helper()
	data = data[Space(data, 0):]
	if len(data) == 0 {
		return
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(data, &m) != nil || m == nil {
		Member(data, "a")
		leaves(t, data)
		return
	}
	seen := map[string]int{}
	for c := Inside(data); ; {
		k, _, ok := c.Pair(true)
		if !ok {
			break
		}
		seen[Unquote(k)]++
	}
	for key, raw := range m {
		if seen[key] > 1 {
			continue // readers may disagree
		}
		got := Member(data, key)
		if string(got) != string(raw) {
			t.Fatalf("%q of %q is %q, want %q", key, data, got, raw)
		}
		var text string
		if raw[0] == '"' && json.Unmarshal(raw, &text) == nil && json.Valid(raw) && Unquote(got[1:len(got)-1]) != text && !slices.Contains([]rune(text), '\uFFFD') {
			t.Fatalf("%q is %q, want %q", raw, Unquote(got[1:len(got)-1]), text)
		}
	}
	if got, want := leaves(t, data), decoded(data); got != want {
		t.Fatalf("%q has %d values, want %d", data, got, want)
	}
}

// leaves counts the values of a document in one pass, keys not counted, as a reader does that goes into everything.
func leaves(t *testing.T, data []byte) (n int) {
	if data[0] != '{' && data[0] != '[' {
		return 1
	}
	c := Inside(data)
	for objects := []bool{data[0] == '{'}; len(objects) > 0; {
		_, ok := c.Next(objects[len(objects)-1])
		if !ok {
			objects = objects[:len(objects)-1]
			continue
		}
		if n++; n > len(data) {
			t.Fatalf("%q has no end", data)
		}
		switch c.Kind() {
		case '{', '[':
			objects = append(objects, c.Kind() == '{')
			c.Enter()
		default:
			c.Take()
		}
	}
	return n
}

// decoded counts the same with encoding/json.
func decoded(data []byte) (n int) {
	d := json.NewDecoder(bytes.NewReader(data))
	var keys []bool // of each object or array that is open: whether a key comes next
	var objects []bool
	for {
		token, err := d.Token()
		if err != nil {
			return n - 1 // the document itself
		}
		top := len(objects) - 1
		if token == json.Delim('}') || token == json.Delim(']') {
			objects, keys = objects[:top], keys[:top]
			continue
		}
		if top >= 0 && objects[top] {
			if keys[top] = !keys[top]; !keys[top] {
				continue // it was the key
			}
		}
		n++
		if token == json.Delim('{') || token == json.Delim('[') {
			objects, keys = append(objects, token == json.Delim('{')), append(keys, true)
		}
	}
}

// TestMutated is the fuzz test on changes of one document.
func TestMutated(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 1))
	for range fedmsgtest.Count(20_000, 1_000_000) {
		data := []byte(document)
		for range rnd.IntN(4) {
			const signs = `{}[]",:\0u`
			data[rnd.IntN(len(data))] = signs[rnd.IntN(len(signs))]
		}
		if rnd.IntN(4) == 0 {
			data = data[:rnd.IntN(len(data))]
		}
		if agrees(t, data); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// TestUnquote holds what a text without its escapes is.
func TestUnquote(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		``: "", `a`: "a", `\"\\\/\b\f\n\r\t`: "\"\\/\b\f\n\r\t", `\u00e9`: "é", `\u00E9x`: "éx", `\ud83d\ude00!`: "😀!", `\ud83d`: "\uFFFD",
		`\ude00a`: "\uFFFDa", `\ud83dx`: "\uFFFDx", `\ud83d\n`: "\uFFFD\n", `\ud83d\u0041`: "\uFFFDA", `\u12`: "\uFFFD12", `a\`: `a\`, `\x`: "x",
	} {
		if got := Unquote([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
