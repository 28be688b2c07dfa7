package wire

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/federated-messaging/fedmsg"
)

// TestPlainEnd tries every byte at every place of a text around words of eight bytes, with neighbours that could carry into it.
func TestPlainEnd(t *testing.T) {
	for _, fill := range []byte{' ', 'a', 0x7e} {
		for length := range 20 {
			for at := range length {
				for c := range 256 {
					text := []byte(strings.Repeat(string(rune(fill)), length))
					text[at] = byte(c)
					want := length
					if c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
						want = at
					}
					if got := plainEnd(text, 0); got != want {
						t.Fatalf("plainEnd(%q) is %d, want %d", text, got, want)
					}
				}
			}
		}
	}
}

// TestDuplicateKeys holds that two equal keys are found wherever they stand, in small objects and large ones, however one
// of them is written, and that nothing else is taken for one.
func TestDuplicateKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{2, 3, 16, fewKeys - 1, fewKeys, fewKeys + 1, 100, 3000}).Draw(t, "members")
		keys := make([]string, n)
		for i := range keys {
			keys[i] = fmt.Sprintf(`"k%d"`, i)
		}
		if err := scan(objectOf(keys), false); err != nil {
			t.Fatalf("%d different keys: %v", n, err)
		}
		first := rapid.IntRange(0, n-1).Draw(t, "first")
		second := rapid.IntRange(0, n-2).Draw(t, "second")
		if second >= first {
			second++
		}
		keys[second] = rapid.SampledFrom([]string{keys[first], `"\u006b` + keys[first][2:]}).Draw(t, "written as")
		if err := scan(objectOf(keys), false); fedmsg.CodeOf(err) != fedmsg.CodeDuplicateKey {
			t.Fatalf("%s at %d and %d of %d: %v", keys[second], first, second, n, err)
		}
		if _, err := AppendCanonical(nil, objectOf(keys)); fedmsg.CodeOf(err) != fedmsg.CodeDuplicateKey {
			t.Fatalf("canonical: %s at %d and %d of %d: %v", keys[second], first, second, n, err)
		}
	})
}

// objectOf is an object with the keys, and others of the same name within their values.
func objectOf(keys []string) []byte {
	var b strings.Builder
	b.WriteString(`[{"k0":0},{`)
	for i, k := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `%s:{"k0":{"k1":%d}}`, k, i)
	}
	b.WriteString(`}]`)
	return []byte(b.String())
}

// TestHostileShapes decodes the worst of the limit's size: it must be refused or read in about the time that its bytes take.
func TestHostileShapes(t *testing.T) {
	d := newDecoder()
	const size = 1 << 20
	many := &strings.Builder{}
	for i := 0; many.Len() < size-20; i++ {
		fmt.Fprintf(many, `"%x":0,`, i)
	}
	for name, test := range map[string]struct {
		body string
		code fedmsg.Code
	}{
		"open brackets":  {strings.Repeat("[", size), fedmsg.CodeTooDeep},
		"open objects":   {strings.Repeat(`{"a":`, size/5), fedmsg.CodeTooDeep},
		"many keys":      {"{" + many.String() + `"last":0}`, ""},
		"a key twice":    {"{" + many.String() + `"0":0}`, fedmsg.CodeDuplicateKey},
		"one long key":   {`{"` + strings.Repeat("k", size-10) + `":0}`, ""},
		"escapes":        {`{"` + strings.Repeat(`\u0041`, size/6-2) + `":0}`, ""},
		"a long number":  {`{"a":` + strings.Repeat("9", size-10) + `}`, ""},
		"a large float":  {`{"a":` + strings.Repeat("9", size-20) + `e9}`, ""},
		"empty elements": {`{"a":[` + strings.Repeat("{},", size/3-10) + `0]}`, ""},
	} {
		in := []byte(`{"topic":"a.b","msg":` + test.body + `}`)
		_, err := d.Submitted(in)
		wantRefusal(t, name, err, test.code, "")
		if test.code == "" {
			if _, err := AppendCanonical(nil, in); err != nil {
				t.Errorf("%s: canonical: %v", name, err)
			}
		}
	}
}
