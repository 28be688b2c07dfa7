package ops

import "fmt"

// ByteSize writes a number of bytes, 0 or more, for people: "812 bytes", "1.5 GiB".
func ByteSize(n int64) string {
	const units = "KMGTPE"
	if n < 1<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	f, u := float64(n)/(1<<10), 0
	for f >= 1<<10 {
		f /= 1 << 10
		u++
	}
	return fmt.Sprintf("%.1f %ciB", f, units[u])
}
