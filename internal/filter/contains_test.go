package filter

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/fedmsgtest"
	"github.com/federated-messaging/fedmsg/internal/jsonwalk"
)

func TestContains(t *testing.T) {
	t.Parallel()
	e := whereEntry()
	for text, want := range map[string]bool{
		"serious": true, "erio": true, "Serious": false, `"severity":"serious"`: true, "bé": true, `"q"`: true, "escaped key": true, "kéy": true, "12345678901234567": true,
		"ro": false, "bug.close": false, "fedora_messaging": false, "false": true, `"closed":false}`: true, "debian/rules\",\"src/a.c": true, "absent": false,
	} {
		if w := Contains("absent", text); w.Match(e) != want || want && !w.Needs().met(e) {
			t.Errorf("%q: %v, needs %s", text, !want, w.Needs())
		}
	}
	if got := Contains("one two three").Needs().String(); got != "said:two" {
		t.Errorf("needs %s", got)
	}
}

func TestAnd(t *testing.T) {
	t.Parallel()
	e := whereEntry()
	yes, no := where(t, `topic startsWith "org."`), where(t, `topic startsWith "com."`)
	if And() != nil || And(nil, yes) != yes {
		t.Error("adds something to one, or to nothing")
	}
	if !And(yes, yes).Match(e) || And(yes, no).Match(e) || And(no, nil, yes).Match(e) {
		t.Error("is not true of what both are true of")
	}
	if got := And(yes, no, where(t, `true`)).Needs().String(); got != "(prefix:org. & prefix:com.)" {
		t.Errorf("needs %s", got)
	}
}

// TestContainsWhatIsThere holds that any piece of a body is found, and that what it needs is there.
func TestContainsWhatIsThere(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	rnd := rand.New(rand.NewPCG(seed, 1))
	const body = `{"a\u00e9b":"x\ny \"z\" é e\u0301f, \\u0041","n":[1,-2.5e3,1E5,true,false,null,NaN,-Infinity],"o":{"":"","deep":[[{"k":"v w-x_y"}]]},"\ud83d\ude00":"\ud83d."}`
	text := []rune(strings.ToValidUTF8(jsonwalk.Unquote([]byte(body)), "\uFFFD"))
	e := &fedmsg.Entry{Topic: "a.b", Envelope: []byte(`{"msg":` + body + `}`)}
	for range fedmsgtest.Count(5_000, 200_000) {
		from := rnd.IntN(len(text))
		piece := string(text[from : from+1+rnd.IntN(len(text)-from)])
		if w := Contains(piece); !w.Match(e) || !w.Needs().met(e) {
			t.Fatalf("seed %d: %q: match %v, needs %s", seed, piece, w.Match(e), w.Needs())
		}
	}
}
