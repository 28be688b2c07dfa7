package datagrepper

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// timerange is a piece of time as the old service has it: seconds since 1970, NaN where there is no bound.
type timerange struct {
	start, end, delta float64
}

// endOnly is how long before end messages are given where end alone is known.
const endOnly = 600

// times reads start, end and delta. What each combination means is in the table of the documentation: of none all time is searched.
func (p *params) times(now time.Time) timerange {
	t := timerange{p.moment("start"), p.moment("end"), p.seconds("delta")}
	has := func(f float64) bool { return !math.IsNaN(f) }
	if !has(t.end) && (has(t.start) != has(t.delta)) {
		t.end = float64(now.UnixMicro()) / 1e6
	}
	switch {
	case !has(t.end) && has(t.start):
		t.end = t.start + t.delta
	case has(t.end) && !has(t.start):
		if !has(t.delta) {
			t.delta = endOnly
		}
		t.start = t.end - t.delta
	case has(t.start):
		t.delta = t.end - t.start
	}
	if t.delta < 0 {
		p.fail("end is before start, so that nothing lies between")
	}
	return t
}

// window is the piece of time for the archive. Both ends belong to it. The old archive knew whole seconds only, so that a whole
// end is meant with all of its second.
func (t timerange) window() (since, until time.Time) {
	if !math.IsNaN(t.start) {
		since = instant(t.start)
	}
	if !math.IsNaN(t.end) {
		step := time.Microsecond
		if t.end == math.Trunc(t.end) {
			step = time.Second
		}
		until = instant(t.end).Add(step)
	}
	return since, until
}

func instant(seconds float64) time.Time {
	whole := math.Floor(seconds)
	return time.Unix(int64(whole), int64(math.Round((seconds-whole)*1e6))*1000).UTC()
}

// mostSeconds bounds a time: the year 5138.
const mostSeconds = 1e11

// seconds reads a number of seconds that is not below zero; NaN where there is none.
func (p *params) seconds(name string) float64 {
	text := p.one(name)
	if text == "" {
		return math.NaN()
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(f >= 0 && f <= mostSeconds) {
		p.fail("%s must be a number of seconds", name)
		return math.NaN()
	}
	return f
}

// moment reads a time: seconds since 1970, or a date. Without a zone it is UTC.
func (p *params) moment(name string) float64 {
	text := p.one(name)
	if text == "" {
		return math.NaN()
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(f) <= mostSeconds {
		return f
	}
	for _, text := range []string{text, zoned(text)} {
		for _, layout := range layouts() {
			if t, err := time.Parse(layout, text); err == nil && math.Abs(float64(t.Unix())) <= mostSeconds {
				return float64(t.UnixMicro()) / 1e6
			}
		}
	}
	p.fail("%s is no time; write seconds since 1970, or a date as in 2026-01-31T12:00:00Z", name)
	return math.NaN()
}

// layouts are the forms of dates. A day without a year first is not among them: nobody knows which of its numbers is the month.
func layouts() []string {
	return []string{
		time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04",
		"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z0700", "2006-01-02 15:04:05 UTC", "2006-01-02 15:04:05", "2006-01-02 15:04",
		time.DateOnly, "2006/01/02", "2006-01", "20060102T150405Z", "20060102T150405",
		"Mon, 02 Jan 2006 15:04:05 GMT", time.RFC1123Z, "Mon Jan _2 15:04:05 2006", "Jan _2 2006 15:04:05", "Jan _2 2006", "January _2, 2006", "_2 Jan 2006 15:04:05", "_2 Jan 2006",
	}
}

// zoned gives the plus sign of a zone back, which the query of an address makes a space unless it is written as %2B.
func zoned(text string) string {
	before, zone, ok := cutLast(text, ' ')
	if digits := strings.ReplaceAll(zone, ":", ""); ok && len(digits) == 4 && strings.Trim(digits, "0123456789") == "" && strings.Contains(before, ":") {
		return before + "+" + zone
	}
	return text
}

func cutLast(s string, separator byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}
