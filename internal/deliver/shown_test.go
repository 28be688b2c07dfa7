package deliver

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/federated-messaging/fedmsg/internal/ops"
)

// TestWhatOthersSayIsBounded holds that the last error and remarks are kept with a bounded length, and cannot speak to a terminal.
func TestWhatOthersSayIsBounded(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("x", 1<<20), strings.Repeat("ü", 1<<20), strings.Repeat("\x1b[31m", 1000), strings.Repeat("\u202e", 1000), "\x1b]0;title\x07",
		strings.Repeat("\xff", 900), "short, and fine", "too\nmany\nlines",
	} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			log := newMemLog()
			sink := &fakeSink{
				open: func(n int) error {
					if n == 1 {
						return errors.New(text)
					}
					return nil
				},
				remark: func(uint64) string { return text },
			}
			e := log.add("org.test.a", 1)
			s := startSet(t, log, dir, config(t, "one"), sink)
			settleDown(time.Minute)
			for _, got := range []string{s.List()[0].LastError, s.Deliveries(e)[0].Reason} {
				if len(got) > ops.MaxExcerpt+len("…") || len(got) < min(len(text), ops.MaxExcerpt-4) || !utf8.ValidString(got) || strings.ContainsAny(got, "\x1b\x07\n\u202e") {
					t.Errorf("%d bytes: %q", len(got), got[:min(len(got), 100)])
				}
			}
		})
	}
}
