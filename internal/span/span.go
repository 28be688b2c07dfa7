// Package span reads lengths of time as people write them: 30s, 1h30m, 7d, 2w, 1d12h.
//
// It promises that the configuration, the command line and a URL agree about what 7d means. A day has 24 hours.
package span

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Day is 24 hours.
const Day = 24 * time.Hour

// Parse reads a length of time: whole weeks (w) and days (d), each at most once and in this order, then what
// [time.ParseDuration] reads; any part may be missing, not all. It fails for a sign, and for what a Duration cannot hold.
func Parse(s string) (d time.Duration, ok bool) {
	if s == "" || s[0] == '-' || s[0] == '+' {
		return 0, false
	}
	for _, u := range []struct {
		name string
		unit time.Duration
	}{{"w", 7 * Day}, {"d", Day}} {
		number, rest, found := strings.Cut(s, u.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil || time.Duration(n) > (math.MaxInt64-d)/u.unit {
			return 0, false
		}
		d += time.Duration(n) * u.unit
		s = rest
	}
	if s == "" {
		return d, true
	}
	rest, err := time.ParseDuration(s)
	if err != nil || rest < 0 || rest > math.MaxInt64-d {
		return 0, false
	}
	return d + rest, true
}
