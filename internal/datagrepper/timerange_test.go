package datagrepper

import (
	"fmt"
	"math"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestTimes holds the table of the documentation: which piece of time each combination means.
func TestTimes(t *testing.T) {
	t.Parallel()
	const now = 10_000.5
	none := math.NaN()
	for arguments, want := range map[string]timerange{
		"":                            {none, none, none},
		"delta=100":                   {now - 100, now, 100},
		"start=4000":                  {4000, now, now - 4000},
		"start=4000&delta=100":        {4000, 4100, 100},
		"end=4000":                    {3400, 4000, 600},
		"end=4000&delta=100":          {3900, 4000, 100},
		"start=3000&end=4000":         {3000, 4000, 1000},
		"start=3000&end=4000&delta=5": {3000, 4000, 1000},
		"start=0":                     {0, now, now},
		"start=0&end=0":               {0, 0, 0},
		"end=100":                     {-500, 100, 600},
		"start=1.5&delta=.25":         {1.5, 1.75, .25},
		"start=&end=4000":             {3400, 4000, 600},
	} {
		q, err := parse(httptest.NewRequest("GET", "/raw?"+arguments, nil), time.UnixMicro(now*1e6))
		if err != nil || fmt.Sprint(q.times) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v (%v)", arguments, q.times, want, err)
		}
	}
}

// TestWindow holds which messages lie in a piece of time: both ends belong to it, and end alone is no reason to search all time.
func TestWindow(t *testing.T) {
	t.Parallel()
	l := few(t)
	for arguments, want := range map[string]string{
		fmt.Sprintf("start=%d&end=%d", at(2), at(4)): "4 3 2", fmt.Sprintf("start=%d&end=%d", at(2), at(2)): "2", fmt.Sprintf("start=%d.5&end=%d.5", at(2), at(4)-1): "3",
		fmt.Sprintf("end=%d", at(3)): "3 2 1", fmt.Sprintf("end=%d", at(13)): "6 5 4 3", fmt.Sprintf("end=%d&delta=60", at(3)): "3 2", fmt.Sprintf("start=%d&delta=60", at(3)): "4 3",
		fmt.Sprintf("start=%d", at(5)): "6 5", "start=2026-01-31T12:04": "6 5", "start=2026-01-31T12:04:00%2B00:00": "6 5", "start=2026-01-31T13:04:00+01:00": "6 5",
		"end=2026-01-31 12:02": "3 2 1", "delta=5": "",
	} {
		a := l.search(t, "/raw?"+strings.ReplaceAll(arguments, " ", "%20"))
		if got := a.numbers(t); got != want {
			t.Errorf("%s: %q, want %q", arguments, got, want)
		}
	}
}

// TestKeysRaised holds that messages of one second, which have different keys, all lie before an end in that second.
func TestKeysRaised(t *testing.T) {
	t.Parallel()
	l := libraryOf(t, sameSecond(50)...)
	if a := l.search(t, fmt.Sprintf("/raw?start=%d&end=%d&rows_per_page=100", at(1), at(1))); a.Count != 50 {
		t.Errorf("%d of 50", a.Count)
	}
}

// TestDates holds which dates are read, and as what: without a zone as UTC, whatever the machine's is.
func TestDates(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-01-31T12:00:05Z": "12:00:05", "2026-01-31T12:00:05.25Z": "12:00:05.25", "2026-01-31T12:00:05+02:00": "10:00:05", "2026-01-31T12:00:05+0200": "10:00:05", "2026-01-31T12:00:05": "12:00:05",
		"2026-01-31 12:00:05": "12:00:05", "2026-01-31 12:00:05.5": "12:00:05.5", "2026-01-31 12:00": "12:00:00", "2026-01-31": "00:00:00", "2026/01/31": "00:00:00", "20260131T120005Z": "12:00:05", "20260131T120005": "12:00:05",
		"Sat, 31 Jan 2026 12:00:05 GMT": "12:00:05", "Sat, 31 Jan 2026 12:00:05 +0100": "11:00:05", "Jan 31 2026": "00:00:00", "January 31, 2026": "00:00:00", "31 Jan 2026 12:00:05": "12:00:05", "2026-01-31 12:00:05 UTC": "12:00:05",
		"Sat Jan 31 12:00:05 2026": "12:00:05", "1769860805": "12:00:05", "1769860805.5": "12:00:05.5", "1.769860805e9": "12:00:05",
		"2026-01-31T12:00:05 01:00": "11:00:05", "2026-01-31 12:00:05 0130": "10:30:05", // a plus sign that the address made a space
		"Sat, 31 Jan 2026 12:00:05 EST": "", "31.1.2026": "", "01/02/2026": "", "soon": "", "2026-13-01": "", "inf": "", "-1e12": "", "12:00": "",
	} {
		p := params{values: url.Values{"start": {text}}}
		seconds := p.moment("start")
		got := ""
		if p.err == nil {
			got = instant(seconds).Format("15:04:05.999999")
		}
		if got != want {
			t.Errorf("%q: %q, want %q (%v)", text, got, want, p.err)
		}
		if p.err == nil && instant(seconds).Format(time.DateOnly) != "2026-01-31" {
			t.Errorf("%q: %s", text, instant(seconds))
		}
	}
}

func TestAgo(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "just now", 9 * time.Second: "just now", 30 * time.Second: "30 seconds ago", 90 * time.Second: "1 minute ago", 5 * time.Hour: "5 hours ago", 25 * time.Hour: "1 day ago",
		20 * 24 * time.Hour: "2 weeks ago", 60 * 24 * time.Hour: "2 months ago", 9 * 365 * 24 * time.Hour: "9 years ago", -time.Hour: "in 1 hour",
	} {
		if got := ago(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
