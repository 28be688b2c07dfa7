package commitlog

import (
	"testing"
	"time"
)

// TestAgeClock holds that a clock which jumps ahead makes nothing old until it has been believed for an hour.
func TestAgeClock(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var c ageClock
	const year, minute = 365 * 24 * time.Hour, time.Minute
	want := func(what string, got, want time.Time) {
		t.Helper()
		if !got.Equal(want) {
			t.Errorf("%s: judged by %v, want %v", what, got, want)
		}
	}
	want("the first time", c.next(start, 0), start)
	want("a minute later", c.next(start.Add(minute), minute), start.Add(minute))
	want("set back", c.next(start.Add(-minute), minute), start.Add(-minute))
	want("set right", c.next(start.Add(2*minute), 3*minute), start.Add(2*minute))
	now := start.Add(2 * minute)
	for i := range 60 {
		now = now.Add(minute)
		want("a year ahead", c.next(now.Add(year), minute), now)
		if i == 30 {
			want("set back in time", c.next(now, 0), now)
			if !c.jumped.IsZero() {
				t.Error("a clock that was set back is still not believed")
			}
		}
	}
	for range 32 { // the hour began anew when it was set back
		now = now.Add(minute)
		c.next(now.Add(year), minute)
	}
	want("a year ahead for an hour", c.next(now.Add(year), 0), now.Add(year))
}
