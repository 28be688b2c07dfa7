package daemon

import (
	"net"
	"strconv"
	"strings"
	"time"
)

// notifier tells the service manager how the node is, by the protocol of sd_notify(3). Where no service manager asked for
// it, it does nothing.
type notifier struct {
	socket   string        // empty: nobody listens
	watchdog time.Duration // how often the service manager wants to hear something; 0: never
}

// newNotifier reads what the service manager passed in the environment.
func newNotifier(getenv func(string) string, pid int) notifier {
	n := notifier{socket: getenv("NOTIFY_SOCKET")}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if owner := getenv("WATCHDOG_PID"); err == nil && usec > 0 && (owner == "" || owner == strconv.Itoa(pid)) {
		n.watchdog = time.Duration(usec) * time.Microsecond
	}
	return n
}

// send passes lines such as READY=1 on. A service manager that went away is no reason for a node to stop, so the error is
// for the log only.
func (n notifier) send(lines ...string) error {
	if n.socket == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetWriteDeadline(time.Now().Add(sendTimeout)) // a service manager that does not read must not hold the node up
	_, err = c.Write([]byte(strings.Join(lines, "\n")))
	return err
}

// sendTimeout bounds how long a line waits for the service manager.
const sendTimeout = time.Second

// ticks gives a channel that says when to send WATCHDOG=1, at half the time that the service manager allows, and the
// function that ends it. The channel is nil where no watchdog is wanted.
func (n notifier) ticks() (<-chan time.Time, func()) {
	if n.socket == "" || n.watchdog <= 0 {
		return nil, func() {}
	}
	t := time.NewTicker(max(n.watchdog/2, time.Millisecond))
	return t.C, t.Stop
}
