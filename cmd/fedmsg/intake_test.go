package main

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/mutate"
)

// taken reads all of an input: each document as PLACE TEXT, or PLACE !CODE where it is none.
func taken(t *testing.T, in io.Reader, limit int) (list []string) {
	t.Helper()
	d := newIntake(in, "", limit)
	for {
		doc, err := d.next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			return append(list, "!!"+string(fedmsg.CodeOf(err)))
		}
		if doc.err != nil {
			list = append(list, doc.at+" !"+string(fedmsg.CodeOf(doc.err)))
			continue
		}
		list = append(list, doc.at+" "+string(doc.text))
	}
}

// TestIntake takes messages out of what inputs look like.
func TestIntake(t *testing.T) {
	t.Parallel()
	long := `{"long":"` + strings.Repeat("x", 200) + `"}`
	cases := []struct {
		name, in string
		want     []string
	}{
		{"nothing", "", nil},
		{"empty lines", "\n \n\r\n\t\n", nil},
		{"lines", "{\"a\":1}\n\n{\"b\":2}\r\n{\"c\":3}", []string{`line 1 {"a":1}`, `line 3 {"b":2}`, `line 4 {"c":3}`}},
		{"lines with faults", "x\n{\"a\":\n{\"b\":2}\n\"\n", []string{"line 1 x", `line 2 {"a":`, `line 3 {"b":2}`, `line 4 "`}},
		{"NaN on a line", "{\"a\":NaN}\n", []string{`line 1 {"a":NaN}`}},
		{"a long line", long + "\n{}\n", []string{"line 1 !too_large", "line 2 {}"}},
		{"a long last line", "{}\n" + long, []string{"line 1 {}", "line 2 !too_large"}},
		{"an array on a line, not the first", "{}\n[1, {\"a\":2}]\n{}", []string{"line 1 {}", "line 2, element 1 1", `line 2, element 2 {"a":2}`, "line 3 {}"}},
		{"an array that is broken", "{}\n[1, {\"a\":2}\n{}", []string{"line 1 {}", "line 2 !bad_json", "line 3 {}"}},
		{"an array", "[1,{\"a\":2}]", []string{"message 1 1", `message 2 {"a":2}`}},
		{"an array over lines", "\n[\n {\"a\":\n 1},\n {}\n]\n", []string{"message 1 {\"a\":\n 1}", "message 2 {}"}},
		{"an empty array", "[ ]", nil},
		{"an array and more", "[1]\n{\"a\":2}\n[3]", []string{"message 1 1", `message 2 {"a":2}`, "message 3, element 1 3"}},
		{"an array that is cut off", "[1,{\"a\"", []string{"message 1 1", "message 2 !bad_json"}},
		{"an array that is cut off between", "[1,", []string{"message 1 1", "message 2 !bad_json"}},
		{"an array that is not closed", "[1", []string{"message 1 1", "message 2 !bad_json"}},
		{"an array with a long element", "[1," + long + ",2]", []string{"message 1 1", "message 2 !too_large"}},
		{"objects over lines", "{\n \"a\": 1\n}\n{\n \"b\": 2\n}\n", []string{"message 1 {\n \"a\": 1\n}", "message 2 {\n \"b\": 2\n}"}},
		{"objects over lines with a fault", "{\n \"a\": 1\n}\n{\n \"b\": }\n{}", []string{"message 1 {\n \"a\": 1\n}", "message 2 !bad_json"}},
		{"an answer of the archive", `{"count":2,"raw_messages":[{"a":1},{"b":2}],"total":2}`, []string{`line 1, element 1 {"a":1}`, `line 1, element 2 {"b":2}`}},
		{"an answer over lines", "{\n\"raw_messages\": [\n{\"a\":1}]}", []string{`message 1, element 1 {"a":1}`}},
		{"an answer without messages", `{"raw_messages":[]}`, nil},
		{"an answer that is cut off", `{"raw_messages":[{"a":1}],"b":`, []string{`line 1, element 1 {"a":1}`, "line 1 !bad_json"}},
		{"an answer with something behind it", `{"raw_messages":[{"a":1}]} {}`, []string{`line 1, element 1 {"a":1}`, "line 1 !bad_json"}},
		{"an answer that has no array", `{"raw_messages":1}`, []string{"line 1 !bad_json"}},
		{"two arrays under one name", `{"raw_messages":[1],"raw_messages":[2]}`, []string{"line 1, element 1 1", "line 1, element 1 2"}},
		{"a message that hides behind messages", `{"topic":"a","raw_messages":[]}`, []string{"line 1 !bad_envelope"}},
		{"an array within a message", `{"msg":{"raw_messages":[1]}}`, []string{`line 1 {"msg":{"raw_messages":[1]}}`}},
		{"a quote before the messages", `{"a":"\"","raw_messages":[1]}`, []string{"line 1, element 1 1"}},
		{"quoted brackets", `{"a":"[{\"","b":1}`, []string{`line 1 {"a":"[{\"","b":1}`}},
	}
	for _, c := range cases {
		for name, in := range map[string]io.Reader{
			"at once": strings.NewReader(c.in), "byte by byte": iotest.OneByteReader(strings.NewReader(c.in)),
		} {
			if got := taken(t, in, 100); !slices.Equal(got, c.want) {
				t.Errorf("%s, %s: got %q, want %q", c.name, name, got, c.want)
			}
		}
	}
	for _, start := range []string{"{}\n", "[1,"} {
		in := io.MultiReader(strings.NewReader(start), iotest.ErrReader(errors.New("broken disk")))
		if got := taken(t, in, 100); !slices.Contains(got, "!!usage") {
			t.Errorf("a disk that breaks behind %q: %q", start, got)
		}
	}
}

// TestIntakeMutations holds that a line which is wrong takes no other with it: the good ones before and behind it come out.
func TestIntakeMutations(t *testing.T) {
	t.Parallel()
	const last = `{"last":1}`
	seeds := mutate.Texts(`{"a":1}`, `{"raw_messages":[{"a":1}]}`, `[{"a":1},{"b":"]"}]`, `{"a":"\"","b":[{}]}`)
	mutate.Run(t, seeds, []string{`{`, `[`, `"`, `\`, `raw_messages`, `":`, `]}`, "NaN"}, func(text []byte) bool {
		text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\n"), []byte(" ")), []byte("\r"), []byte(" "))
		got := taken(t, strings.NewReader("{}\n"+string(text)+"\n"+last+"\n"), 1000)
		if len(got) < 2 || got[0] != "line 1 {}" || got[len(got)-1] != "line 3 "+last {
			t.Errorf("got %q", got)
		}
		return len(got) > 2 && !strings.Contains(got[1], "!")
	})
}
