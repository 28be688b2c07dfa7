//go:build !linux

package doctor

import "errors"

// readKernelClock is for Linux only.
func readKernelClock() (KernelClock, error) {
	return KernelClock{}, errors.New("only Linux is asked")
}
