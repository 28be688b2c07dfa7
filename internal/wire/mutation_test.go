package wire

import (
	"testing"

	"github.com/federated-messaging/fedmsg/internal/mutate"
)

// TestMutations gives every parser a great many texts that are nearly right.
func TestMutations(t *testing.T) {
	for _, parser := range []struct {
		name  string
		check func(testing.TB, []byte) bool
	}{
		{"scan", checkScan}, {"envelope", checkEnvelope}, {"submitted", checkSubmitted}, {"canonical", checkCanonical},
		{"entry", checkEntry},
	} {
		t.Run(parser.name, func(t *testing.T) {
			t.Parallel()
			mutate.Run(t, seeds(), pieces, func(text []byte) bool { return parser.check(t, text) })
		})
	}
}

// pieces are what parsers stumble over.
var pieces = []string{
	`"`, `\`, `{`, `}`, `[`, `]`, `,`, `:`, ` `, "\n", "\t", "\x00", "\x1f", "\x7f", "\x80", "\xed\xa0\x80", "\xc3\xa9", "\xf0\x9f\x98\x80", "\xef\xbb\xbf",
	`\u`, `\u00`, `\ud800`, `\udc00`, `\ud83d\ude00`, `\u0000`, `\u0041`, `\/`, `\x`, `NaN`, `Infinity`, `-Infinity`, `-`, `0`, `00`, `1.`, `.5`, `e`, `E+5`,
	`1e999`, `null`, `true`, `{}`, `[]`, `""`, `"topic":`, `"msg":`, `"msg_id":`, `"id":`, `"headers":`, `"signature":"x",`, `"signature":null,`, `"topic":"a.b",`,
	`"a":1,`, `"\u0061":1,`, `,"x":{}`, `"username":5`, `"timestamp":"x",`, `"i":1,`, `"envelope":`, `"signatures":`, `"position":"`, `"seq":01`, `[[[[[[[[`, `{"a":{"a":{"a":`,
}
