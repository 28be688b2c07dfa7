// Package nearest guesses which known word a mistyped one was meant to be, for "did you mean …?".
//
// It promises that its work is bounded by the known words, however long the mistyped one is, since that may come from
// outside. It does not know languages: bytes are compared.
package nearest

// Word gives the one of known that the fewest edits make of s, the first of several that are equally near, or nothing when
// all are too far away to be meant: more than two edits and more than a third of s, more than one edit for one or two bytes,
// or as many edits as the known word has bytes.
func Word(s string, known []string) string {
	most := max(2, len(s)/3)
	if len(s) <= 2 {
		most = 1
	}
	best, least := "", most+1
	for _, word := range known {
		if gap := len(s) - len(word); gap > most || -gap > most {
			continue // so many bytes must be put in or taken out
		}
		if d := distance(s, word); d < least && d < len(word) {
			best, least = word, d
		}
	}
	return best
}

// distance counts the bytes put in, taken out and changed and the swaps of neighbours that turn a into b.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
