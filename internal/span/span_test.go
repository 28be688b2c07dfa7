package span

import (
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "1h30m": 90 * time.Minute, "0": 0, "0s": 0, "7d": 7 * Day, "2w": 14 * Day, "1d12h": 36 * time.Hour,
		"1w1d1ns": 8*Day + 1, "106751d": 106751 * Day, "1.5h": 90 * time.Minute,
	} {
		if d, ok := Parse(s); !ok || d != want {
			t.Errorf("Parse(%q) = %v, %v; want %v", s, d, ok, want)
		}
	}
	for _, s := range []string{"", "d", "7", "-1h", "+1h", "-1d", "+1d", "1d1w", "1d1d", "1dx", "106752d", "106751d24h", "1e3d", "4294967296d", "2562048h", "1d-1h", " 1d", "１d"} {
		if d, ok := Parse(s); ok {
			t.Errorf("Parse(%q) = %v, want none", s, d)
		}
	}
}
