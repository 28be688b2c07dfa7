package zmqpeer

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// processTime is the processor time of this process so far, in user and kernel mode.
func processTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// peakRSS is the most memory that was resident. The rusage would tell that of the parent too.
func peakRSS() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			n, _ := strconv.ParseInt(f[1], 10, 64) // 0 says that it is not known
			return n << 10
		}
	}
	return 0
}
