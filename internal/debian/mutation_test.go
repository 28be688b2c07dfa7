package debian_test

import (
	"encoding/json"
	"os"
	"testing"
	"unicode/utf8"

	"github.com/federated-messaging/fedmsg/internal/debian"
	"github.com/federated-messaging/fedmsg/internal/mailmsg"
	"github.com/federated-messaging/fedmsg/internal/mutate"
)

// TestMutations holds that of mails that are nearly right nothing is published but objects of valid JSON, on the topic of their kind,
// and not much more than what the mail has.
func TestMutations(t *testing.T) {
	t.Parallel()
	var seeds [][]byte
	for _, file := range filesOf(t, "testdata/own") {
		raw, err := os.ReadFile("testdata/own/" + file)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, raw)
	}
	pieces := []string{
		"\n", "\n\n", " ", ":", "<", ">", "(", ")", "[", "]", "{Done: ", "#", "|", "/", "_", "--", "Bug #1 ", "Bug#", "> ", "> clone 1 -1\n", " cloned as bug",
		"999999999999", "0", ".changes", "Accepted ", " ACCEPTED into ", "Processing of ", "Removed package(s) from ", "Format: 1.8\n", "Changes:\n x\n",
		"Files:\n a b c d e\n", "X-Debian-PR-Message: transcript\n", "X-Debian-PR-Message: closed 1\n", "they-closed", "Version: 1\n", "Done: x\n",
		"-----BEGIN PGP SIGNED MESSAGE-----\n", "-----BEGIN PGP SIGNATURE-----\n", "\x00", "\xff", "=?utf-8?q?=0D=0A?=",
	}
	mutate.Run(t, seeds, pieces, func(raw []byte) bool {
		m, err := mailmsg.Parse(raw, mailmsg.Limits{Parts: 50, Fields: 300})
		if err != nil {
			return false
		}
		kind, events := debian.Classify(m)
		for _, e := range events {
			data, err := json.Marshal(e.Body)
			if err != nil || data[0] != '{' || !utf8.Valid(data) || len(data) > 2000+12*len(raw) || e.Topic == "" || e.Topic != kind.Topic() {
				t.Errorf("%s on %q: %s, %v", kind, e.Topic, data, err)
			}
		}
		return len(events) > 0
	})
}
