package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg/internal/span"
)

// sizeUnits are the units of sizes, the largest binary one first so that formatting finds it. There is no bare K, M or G:
// people disagree on what they mean.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1},
}

// parseSize reads a number of bytes: 512, 64KiB, "10 GiB", 1.5GB.
func parseSize(s string) (int64, error) {
	number, unit := strings.TrimSpace(s), int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil && n >= 0 && n <= math.MaxInt64/unit {
		return n * unit, nil
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || !(f >= 0) || f*float64(unit) >= math.MaxInt64 || strings.ContainsAny(number, "eExXpP_iI") {
		return 0, fmt.Errorf(`is a size, as in 1048576 or "1MiB", not %q`, s)
	}
	return int64(f * float64(unit)), nil
}

// formatSize gives n in the largest binary unit that divides it.
func formatSize(n int64) string {
	for _, u := range sizeUnits[:4] {
		if n > 0 && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// parseDuration reads a time: what Go writes (1h30m, 250ms), with days and weeks in front (30d, 2w, 1d12h).
func parseDuration(s string) (time.Duration, error) {
	d, ok := span.Parse(strings.TrimSpace(s))
	if !ok {
		return 0, errDuration(s)
	}
	return d, nil
}

func errDuration(s string) error {
	return fmt.Errorf(`is a time, as in "30s", "1h30m" or "30d", not %q`, s)
}

// formatDuration gives d as [parseDuration] reads it, in days where it is whole days.
func formatDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
