package zmtp

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// progress calls write until it is done, as long as something is taken of it within each timeout.
func (c *Conn) progress(write func() (done bool, n int64, err error)) error {
	var began time.Time
	for {
		now, err := c.allowTime()
		if err != nil {
			return err
		}
		if began.IsZero() {
			began = now
		}
		done, n, err := write()
		switch {
		case done || err == nil:
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case n == 0 && time.Since(began) >= c.out.timeout: // only the first attempt may have had less time than that
			return fmt.Errorf("it took nothing of what was written in %v: %w", c.out.timeout, err)
		}
	}
}

// allowTime sets the deadline where the one that stands is too near, and tells the time. Not each write sets one, since that
// costs as much as a small write; it may come early, so that who finds it passed looks at the clock.
func (c *Conn) allowTime() (now time.Time, err error) {
	if c.out.timeout < 0 {
		if !c.out.deadline.IsZero() {
			c.out.deadline = time.Time{}
			err = c.nc.SetWriteDeadline(time.Time{})
		}
		return time.Time{}, err
	}
	now = time.Now()
	if c.out.deadline.Sub(now) > c.out.timeout/2 {
		return now, nil
	}
	c.out.deadline = now.Add(c.out.timeout)
	return now, c.nc.SetWriteDeadline(c.out.deadline)
}
