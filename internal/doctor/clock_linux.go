package doctor

import (
	"time"

	"golang.org/x/sys/unix"
)

// readKernelClock asks the kernel, and changes nothing.
func readKernelClock() (KernelClock, error) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return KernelClock{}, err
	}
	return KernelClock{
		Synchronised: state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0,
		Error:        time.Duration(t.Maxerror) * time.Microsecond,
	}, nil
}
