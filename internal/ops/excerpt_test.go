package ops

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestExcerpt holds that of a text a bounded part is kept, which is harmless on a terminal and cuts through no character.
func TestExcerpt(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "short, and fine", "too\nmany\nlines", "\x1b]0;title\x07", strings.Repeat("x", MaxExcerpt), strings.Repeat("x", MaxExcerpt+1),
		strings.Repeat("x", 1<<20), "x" + strings.Repeat("ü", 1<<10), strings.Repeat("\x1b[31m", 1000), strings.Repeat("\u202e", 1000),
		strings.Repeat("\xff", 900),
	} {
		got := Excerpt(text)
		whole := Printable(text)
		kept, cut := strings.CutSuffix(got, "…")
		if len(whole) <= MaxExcerpt {
			if got != whole {
				t.Errorf("%q became %q", text, got)
			}
			continue
		}
		if !cut || len(kept) > MaxExcerpt || len(kept) < MaxExcerpt-utf8.UTFMax || !utf8.ValidString(got) || !strings.HasPrefix(whole, kept) {
			t.Errorf("of %d bytes %d are kept: %.60q … %.20q", len(text), len(kept), got, got[max(0, len(got)-20):])
		}
	}
}
