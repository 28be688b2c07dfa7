package fedmsg_test

import (
	"strings"
	"testing"
)

// TestDocumentedPromises holds that docs/how-it-is-tested.md has a row for each thing that must not break the program, and
// that every row names a test or says that there is none yet. Those without one are counted here, so that none is added
// in silence.
func TestDocumentedPromises(t *testing.T) {
	const untested = 0
	page := read(t, "docs/how-it-is-tested.md")
	rows, without := 0, 0
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || strings.HasSuffix(line, "| test |") {
			continue
		}
		rows++
		switch {
		case strings.HasSuffix(line, "| no test yet |"):
			without++
		case !strings.Contains(line, " Test"):
			t.Errorf("no test is named: %s", line)
		}
	}
	if rows < 50 || without != untested {
		t.Errorf("%d rows, %d of them without a test; want %d without", rows, without, untested)
	}
	for _, what := range []string{
		"N-th operation", "strace", "power cut", "fsync fails with EIO", "disk is full, then has space", "flipped bit", "zeroed", "truncation",
		"fsync of the directory", "index of ids", "same id from three processes", "hung node (SIGSTOP)", "spool of three users",
		"100 readers, one of them stopped", "−1, 0, garbage", "future, trimmed, of another log", "restored backup",
		"64 callers", "SIGTERM under load", "drip", "never read", "10 MB", "deep JSON, duplicate keys", "pages of other sites",
		"mutated inputs", "scope, on every route",
		"each pair of ZeroMQ sockets", "second before or behind the first message", "either side of a ZeroMQ stream killed", "1,000 silent clients",
		"garbage, half handshakes", "ZMTP streams that are nearly right", "gaps of 1, 10 and 10^5", "replay server killed in the middle",
		"name server that changes, is silent", "one frame, three, bad UTF-8, NUL-separated",
	} {
		if !strings.Contains(page, what) {
			t.Errorf("docs/how-it-is-tested.md has no row about %q", what)
		}
	}
}
