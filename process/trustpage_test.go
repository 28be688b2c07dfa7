package process

import (
	"strings"
	"testing"
)

// TestTrustPage runs docs/trust.md and holds what it promises: an authority in three commands, two hosts of which each may say
// its own and not the other's, a revocation that counts from now on and not backwards, what a lost key has said, and a check by
// openssl alone. Most lines that must be refused stand behind a "!", which a shell does not hold against them.
func TestTrustPage(t *testing.T) {
	t.Parallel()
	out := runPage(t, blocks(readPage(t, "docs/trust.md")))
	rest := out[:strings.Index(out+"fedmsg publish: ", "fedmsg publish: ")] // what was said on standard output comes first
	for _, want := range []string{
		"ok node\n",
		"allowed\n[policy.topics] \"org.example.dev.bts.bug.close\" lists bts.example.org\n",
		"denied wrong_topic\n[policy.topics] \"org.example.dev.bts.bug.close\" lists bts.example.org\n",
		"ok example/bts.example.org\nok example/builder.example.org\n",
		"revoked ",
		"ok example/builder.example.org\nbad revoked example/builder.example.org ",
		" org.example.dev.build.end ok\n",
		"ok bts (as claimed at ",
		"Signature Verified Successfully",
	} {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Errorf("the page does not show %q where it has to", want)
			continue
		}
		rest = after
	}
	if want := `"example/builder.example.org" may not speak for "org.example.dev.bts.bug.close"`; !strings.Contains(out, want) {
		t.Errorf("nobody was told that %s", want)
	}
}
