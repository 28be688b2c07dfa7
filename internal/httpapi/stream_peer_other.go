//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package httpapi

import "net"

// peerClosed cannot tell here; the second write to a closed connection fails.
func peerClosed(net.Conn) bool { return false }
