package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/federated-messaging/fedmsg"
)

// These cases stand here so that every clone has them; the shared vectors say the same at length.
func TestCanonical(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{` {"b" : 1 , "a" : [ 1.50, -0, -0.0, 1e5 ] } `, `{"a":[1.5,0,-0.0,100000.0],"b":1}`},
		{`{"z":{"d":1,"c":{"y":1,"x":2}},"a":{"b":1,"a":2}}`, `{"a":{"a":2,"b":1},"z":{"c":{"x":2,"y":1},"d":1}}`},
		{`{"😀":1,"￿":2,"\ue000":3,"\ud800":4,"é":5,"":6}`, `{"":6,"\u00e9":5,"\ud800":4,"\ue000":3,"\uffff":2,"\ud83d\ude00":1}`},
		{`"\/\u0041\u0022\u005c\u000a\u007f ` + "\x7f" + `é\u00E9\uDBFF\uDFFF"`, `"/A\"\\\n\u007f \u007f\u00e9\u00e9\udbff\udfff"`},
		{`[NaN,Infinity,-Infinity,1e999,-1e999,1e-999]`, `[NaN,Infinity,-Infinity,Infinity,-Infinity,0.0]`},
		{`[1e15,1e16,0.0001,0.00001,123456789012345678901234567890]`, `[1000000000000000.0,1e+16,0.0001,1e-05,123456789012345678901234567890]`},
		{`[9999999999999999.5,0.000099999999999999999]`, `[1e+16,0.0001]`},
		{`[true,false,null,{},[],""]`, `[true,false,null,{},[],""]`},
	} {
		got, err := AppendCanonical(nil, []byte(test.in))
		if err != nil || string(got) != test.want {
			t.Errorf("%s: gave %s (%v), want %s", test.in, got, err, test.want)
		}
	}
}

func TestCanonicalRefusals(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, test := range []struct {
		in   string
		code fedmsg.Code
	}{
		{`{"a":1,"a":2}`, fedmsg.CodeDuplicateKey},
		{`{"a":1,"b":2,"a":3}`, fedmsg.CodeDuplicateKey},
		{`[{"\u0061":1,"a":2}]`, fedmsg.CodeDuplicateKey},
		{`{"a":1}x`, fedmsg.CodeBadJSON},
		{`{"a":1`, fedmsg.CodeBadJSON},
		{`{"a":nan}`, fedmsg.CodeBadJSON},
		{"\"\xc3\"", fedmsg.CodeBadJSON},
		{deep(canonicalDepth + 1), fedmsg.CodeTooDeep},
		{deep(canonicalDepth), ""},
	} {
		_, err := AppendCanonical(nil, []byte(test.in))
		wantRefusal(t, test.in, err, test.code, "")
	}
}

// TestCanonicalOrder shuffles members at every level: what comes out does not depend on it.
func TestCanonicalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var build func(depth int, shuffled *rand.Rand) string
		build = func(depth int, shuffled *rand.Rand) string {
			if depth == 0 {
				return "0"
			}
			members := []string{}
			for i := range 12 {
				key, _ := json.Marshal(string(rune('a'+i)) + strings.Repeat("é😀\t", i%3))
				members = append(members, fmt.Sprintf("%s:%s", key, build((depth-1)*(i%2), shuffled)))
			}
			if shuffled != nil {
				shuffled.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
			}
			return "{" + strings.Join(members, ",") + "}"
		}
		want, err := AppendCanonical(nil, []byte(build(3, nil)))
		if err != nil {
			t.Fatal(err)
		}
		in := []byte(build(3, random))
		got, err := AppendCanonical(nil, in)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%s\ngave %s (%v)\nwant %s", in, got, err, want)
		}
	})
}

// TestCanonicalKeyOrder holds that the order is that of the code points.
func TestCanonicalKeyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.StringN(0, 6, -1), 1, 40, rapid.ID[string]).Draw(t, "keys")
		object := map[string]int{}
		for _, k := range keys {
			object[k] = 0
		}
		in := []byte("{")
		for i, k := range keys {
			if i > 0 {
				in = append(in, ',')
			}
			in = append(fedmsg.AppendJSONString(in, k), ":0"...)
		}
		got, err := AppendCanonical(nil, append(in, '}'))
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(keys, func(a, b string) int { return slices.Compare([]rune(a), []rune(b)) })
		want := []byte("{")
		for i, k := range keys {
			if i > 0 {
				want = append(want, ',')
			}
			want = append(appendString(want, k), ":0"...)
		}
		if want = append(want, '}'); !bytes.Equal(got, want) {
			t.Fatalf("gave %s, want %s", got, want)
		}
	})
}
