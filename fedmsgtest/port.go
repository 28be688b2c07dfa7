package fedmsgtest

import (
	"math/rand/v2"
	"net"
	"strconv"
)

// FreePort gives a port of the loopback interface that nobody listens on, for a program that does not tell which one it was
// given or that listens on the same one again: what says where it listens is given port 0. The kernel gives the port to no
// connection and to nobody who asks for any port, so that it is still free seconds later. Any goroutine may call it.
func FreePort() string { return strconv.Itoa(quietPort()) }

// Ports that are below those which the kernel gives by itself (net.ipv4.ip_local_port_range).
const (
	firstPort = 12000
	ports     = 20000
)

func quietPort() (port int) {
	for range 100 {
		port = firstPort + rand.IntN(ports)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			l.Close()
			break
		}
	}
	return port // who listens on it says what is wrong, if anything is
}
