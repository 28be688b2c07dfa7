package wire

import (
	"math"
	"strconv"
	"time"
)

// Time is when the envelope says that it was made, and false where it does not say so. What no calendar can write is given as
// the end of one: it is as wrong.
func (e *Envelope) Time() (time.Time, bool) {
	f, err := strconv.ParseFloat(string(e.Timestamp), 64)
	if err != nil && !math.IsInf(f, 0) || math.IsNaN(f) {
		return time.Time{}, false
	}
	const year9999 = 253402300799
	f = max(-year9999, min(year9999, f))
	whole := math.Floor(f)
	return time.Unix(int64(whole), int64((f-whole)*1e9)).UTC(), true
}
