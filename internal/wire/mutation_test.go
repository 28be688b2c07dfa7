package wire

import (
	"testing"

	"github.com/federated-messaging/fedmsg/internal/mutate"
)

// TestMutations gives every parser a great many texts that are nearly right.
func TestMutations(t *testing.T) {
	for _, parser := range []struct {
		name  string
		seeds [][]byte
		check func(testing.TB, []byte) bool
	}{
		{"scan", seeds(), checkScan}, {"envelope", seeds(), checkEnvelope}, {"submitted", seeds(), checkSubmitted},
		{"canonical", seeds(), checkCanonical}, {"entry", seeds(), checkEntry}, {"embedded", seeds(), checkEmbedded},
		{"archived", seeds(), checkArchived}, {"dsse", dsseSeeds(), checkDSSE}, {"submitted dsse", dsseSeeds(), checkSubmitted},
		{"published", framesSeeds(), checkPublished}, {"parts", framesSeeds(), checkParts},
	} {
		t.Run(parser.name, func(t *testing.T) {
			t.Parallel()
			mutate.Run(t, parser.seeds, pieces, func(text []byte) bool { return parser.check(t, text) })
		})
	}
}

// pieces are what parsers stumble over.
var pieces = []string{
	`"`, `\`, `{`, `}`, `[`, `]`, `,`, `:`, ` `, "\n", "\t", "\x00", "\x1f", "\x7f", "\x80", "\xed\xa0\x80", "\xc3\xa9", "\xf0\x9f\x98\x80", "\xef\xbb\xbf",
	`\u`, `\u00`, `\ud800`, `\udc00`, `\ud83d\ude00`, `\u0000`, `\u0041`, `\/`, `\x`, `NaN`, `Infinity`, `-Infinity`, `-`, `0`, `00`, `1.`, `.5`, `e`, `E+5`,
	`1e999`, `null`, `true`, `{}`, `[]`, `""`, `"topic":`, `"msg":`, `"msg_id":`, `"id":`, `"headers":`, `"signature":"x",`, `"signature":null,`, `"topic":"a.b",`,
	`"a":1,`, `"\u0061":1,`, `,"x":{}`, `"username":5`, `"timestamp":"x",`, `"i":1,`, `"envelope":`, `"signatures":`, `"position":"`, `"seq":01`,
	`"payload":"`, `"payloadType":"application/vnd.fedmsg+json",`, `"sig":"AA==",`, `"sig":"AB==`, `"keyid":`, `"cert":`, `=`, `==`, `\n`, `"crypto":"x509",`,
	`"source_name":"d","source_version":"1",`, `"timestamp":1.5,`, `"headers":{},`,
	`[[[[[[[[`, `{"a":{"a":{"a":`,
}
