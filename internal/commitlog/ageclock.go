package commitlog

import "time"

// ageClock tells by what time entries are old. It follows the wall clock, except that a jump forward is not believed for as
// long as Health warns of it: a clock set a year ahead by mistake must not empty the log in the next minute. It belongs to
// the keeper. A process that starts with a wrong clock cannot know.
type ageClock struct {
	base   time.Time // the last time that was believed
	jumped time.Time // when base was left behind; zero while it is not
}

// next gives the time to judge ages by. t is what the clock says; passed is the time that really passed since the last call,
// as far as that is known, else what the clock says of it.
func (c *ageClock) next(t time.Time, passed time.Duration) time.Time {
	t = t.Round(0)
	if c.base.IsZero() || t.Sub(c.base.Add(passed)) <= maxClockStep {
		c.base, c.jumped = t, time.Time{}
		return t
	}
	c.base = c.base.Add(passed)
	switch {
	case c.jumped.IsZero():
		c.jumped = c.base
	case c.base.Sub(c.jumped) >= clockWarning: // nobody has set it back: so it is right
		c.base, c.jumped = t, time.Time{}
	}
	return c.base
}
