package history

import "time"

// week is how many messages arrived in each hour of a real week, that of 9 October 2012 (a Tuesday), UTC, on the bus of Fedora.
var week = [7 * 24]int{
	102, 12, 13, 9, 8, 16, 18, 18, 28, 38, 84, 58, 38, 44, 97, 55, 106, 62, 57, 127, 55, 46, 18, 16,
	151, 50, 29, 19, 41, 60, 16, 23, 39, 33, 31, 39, 76, 68, 55, 53, 48, 51, 69, 69, 28, 39, 8, 4,
	7, 11, 22, 14, 14, 17, 30, 35, 53, 79, 44, 68, 72, 59, 86, 66, 26, 22, 34, 33, 34, 20, 23, 20,
	20, 7, 22, 18, 5, 14, 5, 16, 28, 34, 40, 50, 49, 64, 34, 48, 38, 26, 32, 22, 23, 15, 19, 10,
	21, 5, 7, 2, 5, 12, 2, 7, 7, 21, 5, 22, 23, 14, 17, 14, 20, 9, 2, 14, 10, 18, 32, 19,
	15, 10, 14, 21, 2, 23, 4, 0, 7, 9, 11, 17, 17, 8, 14, 8, 15, 15, 6, 12, 19, 23, 21, 12,
	13, 66, 7, 12, 17, 36, 20, 36, 49, 48, 60, 42, 53, 55, 50, 62, 53, 41, 79, 59, 17, 31, 31, 20,
}

// weeks is how long the history is.
const weeks = 104

// First and End are when the history begins and ends; all of the year 2025 but its last two days is in it.
var (
	First = time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)
	End   = First.AddDate(0, 0, 7*weeks)
)

// At is when message i arrived. Messages arrive in the order of their numbers, each at a time of its own.
func (h *History) At(i int) time.Time {
	inWeeks := float64(i) / float64(h.rows) * weeks
	whole := int(inWeeks)
	left, hour := (inWeeks-float64(whole))*float64(weekly()), 0
	for ; hour < len(week)-1 && left >= float64(week[hour]); hour++ {
		left -= float64(week[hour])
	}
	inHour := time.Duration(left / float64(max(1, week[hour])) * float64(time.Hour))
	return First.Add(time.Duration(whole*len(week)+hour)*time.Hour + inHour)
}

func weekly() (n int) {
	for _, hourly := range week {
		n += hourly
	}
	return n
}
