package tabular

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/mutate"
)

// read gives the rows as text: name=value, and a bar behind each.
func read(r io.Reader, o Options) (string, error) {
	var b strings.Builder
	if o.Limit == 0 {
		o.Limit = 1 << 20
	}
	err := Read(r, o, func(row []Cell) error {
		for i, c := range row {
			if i > 0 {
				b.WriteByte(' ')
			}
			fmt.Fprintf(&b, "%s=%s", c.Name, c.Value)
		}
		b.WriteByte('|')
		return nil
	})
	return b.String(), err
}

// TestForms holds that rows are read in each form, whole and byte by byte, and that equal values come in equal bytes.
func TestForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		o    Options
		in   string
		want string
	}{
		{"none", Options{}, ` [ ] `, ""},
		{"objects", Options{}, `[{"a":1,"b":"x"}, {"a":-2.50e+3,"b":null},{}]`, `"a"=1 "b"="x"|"a"=-2.50e+3 "b"=null||`},
		{"space and escapes", Options{}, " [ {\"a\\u0062\" : \"\\u00e9\\/\\n\" ,\"n\" : [ 1 , { \"k\" : [ ] } ] } ]\n", `"ab"="é/\n" "n"=[1,{"k":[]}]|`},
		{"as it is", Options{}, `[{"ab":"é/\n","n":[1,{"k":[]}]}]`, `"ab"="é/\n" "n"=[1,{"k":[]}]|`},
		{"below names", Options{Path: []string{"data", "é"}}, `{"x":{"data":[{"no":1}]},"data":{"n":12,"\u00e9":[{"a":true}],"z":[]},"y":1.5}`, `"a"=true|`},
		{"lines", Options{Form: NDJSON}, "{\"a\":1}\r\n\n {\"a\":2} \n", `"a"=1|"a"=2|`},
		{"no lines", Options{Form: NDJSON}, "", ""},
		{"CSV", Options{Form: CSV}, "a,b c\n1,\"x, \"\"y\"\"\nz\"\nü,\n", `"a"="1" "b c"="x, \"y\"\nz"|"a"="ü" "b c"=""|`},
		{"TSV", Options{Form: TSV}, "a\tb\r\n1\t\"x\r\n", `"a"="1" "b"="\"x"|`},
		{"only a header", Options{Form: TSV}, "a\tb\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in)), iotest.DataErrReader(strings.NewReader(c.in))} {
				if got, err := read(r, c.o); err != nil || got != c.want {
					t.Errorf("%q, %v; want %q", got, err, c.want)
				}
			}
		})
	}
}

// TestPlainText holds, for each byte at each of some places, which ones a string is read over at once.
func TestPlainText(t *testing.T) {
	t.Parallel()
	for at := range 20 {
		for c := range 256 {
			text := []byte(strings.Repeat("x", 20) + `"`)
			text[at] = byte(c)
			want := 20
			if c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
				want = at
			}
			// The last places are looked at one by one.
			if got := skipPlain(text, 0); got != min(want, 16) {
				t.Errorf("%q is plain up to %d, want %d", text, got, want)
			}
		}
	}
}

// TestCutOff holds that an answer which ends anywhere before its end is never taken for a whole one.
func TestCutOff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o       Options
		in      string
		allowed string // beginnings that are whole, by their last line
	}{
		{Options{}, `[{"a":1,"b":"x\u00e9"},{"a":2,"b":[{}]}]`, ""},
		{Options{Path: []string{"rows"}}, `{"n":12,"rows":[{"a":1}],"more":false}`, ""},
		{Options{Form: CSV}, "a,b\n1,\"x\"\n2,y\n", "lines"},
		{Options{Form: TSV}, "a\tb\n1\tx\n2\ty\n", "lines"},
		{Options{Form: NDJSON}, "{\"a\":1}\n{\"a\":2}\n", "lines"},
	} {
		for end := range c.in {
			cut := c.in[:end]
			whole := c.allowed == "lines" && (strings.HasSuffix(cut, "\n") || cut == "" && c.o.Form == NDJSON)
			got, err := read(strings.NewReader(cut), c.o)
			if whole == (err != nil) {
				t.Errorf("%s %q: %q, %v", c.o.Form, cut, got, err)
			}
			if _, err := read(io.MultiReader(strings.NewReader(cut), iotest.ErrReader(io.ErrUnexpectedEOF)), c.o); err == nil {
				t.Errorf("%s %q: the fault of the connection is not told", c.o.Form, cut)
			}
		}
	}
}

// TestRefused holds what is no table, and which limit it is over.
func TestRefused(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", maxDepth+2) + strings.Repeat("]", maxDepth+2)
	for _, c := range []struct {
		name, in string
		o        Options
		says     string
		code     fedmsg.Code
	}{
		{"no array", `{"a":1}`, Options{}, "the key rows says", fedmsg.CodeBadJSON},
		{"a page for people", "<html>", Options{}, "no JSON array", fedmsg.CodeBadJSON},
		{"nothing", "", Options{}, "cut off", fedmsg.CodeBadJSON},
		{"no such member", `{"a":[]}`, Options{Path: []string{"b"}}, "has no b", fedmsg.CodeBadJSON},
		{"no rows in it", `{"a":{"b":3}}`, Options{Path: []string{"a", "b"}}, "at a.b", fedmsg.CodeBadJSON},
		{"not objects", `[{"a":1},2]`, Options{}, "row 2 cannot be read: is not an object", fedmsg.CodeBadJSON},
		{"more behind it", `[{"a":1}] []`, Options{}, "goes on", fedmsg.CodeBadJSON},
		{"no comma", `[{"a":1}{"a":2}]`, Options{}, "row 2", fedmsg.CodeBadJSON},
		{"a comma too many", `[{"a":1},]`, Options{}, "row 2", fedmsg.CodeBadJSON},
		{"a number", `[{"a":01}]`, Options{}, "not JSON", fedmsg.CodeBadJSON},
		{"not a number", `[{"a":NaN}]`, Options{}, "not JSON", fedmsg.CodeBadJSON},
		{"no UTF-8", "[{\"a\":\"\xff\"}]", Options{}, "not UTF-8", fedmsg.CodeBadJSON},
		{"too deep", `[{"a":` + deep + `}]`, Options{}, "too deep", fedmsg.CodeBadJSON},
		{"too long", `[{"a":"` + strings.Repeat("x", 100) + `"}]`, Options{Limit: 50}, "max_bytes", fedmsg.CodeTooLarge},
		{"a row too long", `[{"a":"` + strings.Repeat("x", MaxRow+2*window) + `"}]`, Options{Limit: 1 << 30}, "more than", fedmsg.CodeTooLarge},
		{"a line too long", "{\"a\":\"" + strings.Repeat("x", MaxRow+2*window) + "\"}\n", Options{Form: NDJSON, Limit: 1 << 30}, "more than", fedmsg.CodeTooLarge},
		{"a record too long", "a\n1\n\"" + strings.Repeat("x\n", MaxRow/2+window) + "\"\n2\n", Options{Form: CSV, Limit: 1 << 30}, "more than", fedmsg.CodeTooLarge},
		{"another count of values", "a,b\n1\n", Options{Form: CSV}, "row 1 has 1 values", fedmsg.CodeBadJSON},
		{"a bad quote", "a,b\n1,\"x\"y\n", Options{Form: CSV}, "not CSV", fedmsg.CodeBadJSON},
		{"no header", "", Options{Form: CSV}, "is empty", fedmsg.CodeBadJSON},
		{"two objects", "{}{}\n", Options{Form: NDJSON}, "line 1", fedmsg.CodeBadJSON},
		{"half an object", "{\"a\":1\n}\n", Options{Form: NDJSON}, "line 1", fedmsg.CodeBadJSON},
		{"no UTF-8 in TSV", "a\n\xff\n", Options{Form: TSV}, "row 1 is not UTF-8", fedmsg.CodeBadJSON},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := read(strings.NewReader(c.in), c.o)
			if err == nil || !strings.Contains(err.Error(), c.says) || fedmsg.CodeOf(err) != c.code {
				t.Errorf("%.99q, %v (%s); want %s and %q", got, err, fedmsg.CodeOf(err), c.code, c.says)
			}
		})
	}
}

// pieces gives what it reads in pieces of a few bytes, and counts how often it was asked.
type pieces struct {
	r     io.Reader
	asked int
}

// Read gives at most 64 bytes.
func (p *pieces) Read(b []byte) (int, error) {
	p.asked++
	return p.r.Read(b[:min(64, len(b))])
}

// TestPieces holds that a row which comes in a great many pieces is not looked at anew with each of them.
func TestPieces(t *testing.T) {
	t.Parallel()
	in := &input{r: &pieces{r: strings.NewReader(strings.Repeat("x", 1<<20))}, left: 1 << 30}
	turns := 0
	for in.more() {
		turns++
	}
	if size, asked := len(in.rest()), in.r.(*pieces).asked; size != 1<<20 || asked < 1<<14 || turns > 20 {
		t.Errorf("%d bytes came in %d pieces, and were looked at %d times", size, asked, turns)
	}
}

// TestMutations reads a great many answers that are nearly right: nothing panics, and what comes out is JSON that reads as itself.
func TestMutations(t *testing.T) {
	t.Parallel()
	var seeds [][]byte
	for _, f := range []Form{JSON, NDJSON, CSV, TSV} {
		seeds = append(seeds, []byte(string(f[0])+`[{"a":1,"b":"é\u00e9\n"},{"a":[1,{"x":null}]}]`), []byte(string(f[0])+"a,b\tc\n1,\"2\"\t3\n{\"a\":1}\n"))
	}
	pieces := []string{"{", "}", "[", "]", ",", ":", `"`, `\`, "\n", "\t", "0", "-", "e", ".", "null", "\xff", "\x00"}
	forms := map[byte]Form{'j': JSON, 'n': NDJSON, 'c': CSV, 't': TSV}
	mutate.Run(t, seeds, pieces, func(text []byte) bool {
		if len(text) == 0 || forms[text[0]] == "" {
			return false
		}
		return Read(strings.NewReader(string(text[1:])), Options{Form: forms[text[0]], Limit: 1 << 16}, func(row []Cell) error {
			for _, c := range row {
				for _, raw := range [][]byte{c.Name, c.Value} {
					if again, err := Value(nil, raw); err != nil || string(again) != string(raw) {
						t.Errorf("%q gives %q, which reads as %q, %v", text, raw, again, err)
					}
				}
			}
			return nil
		}) == nil
	})
}
