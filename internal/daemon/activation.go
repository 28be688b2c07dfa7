package daemon

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/federated-messaging/fedmsg"
)

// firstPassed is the number of the first file descriptor that a service manager passes, by sd_listen_fds(3).
const firstPassed = 3

// passedListeners takes over the sockets that the service manager opened for this process, by their names in
// LISTEN_FDNAMES; without a name, "unix" or "http" after the kind of the socket. It gives nil when there are none. first
// is [firstPassed] outside of tests.
func passedListeners(getenv func(string) string, pid, first int) (map[string]net.Listener, error) {
	if getenv("LISTEN_PID") != strconv.Itoa(pid) {
		return nil, nil
	}
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || n <= 0 {
		return nil, nil
	}
	names := strings.Split(getenv("LISTEN_FDNAMES"), ":")
	out := make(map[string]net.Listener, n)
	for i := range n {
		fd := first + i
		syscall.CloseOnExec(fd)
		f := os.NewFile(uintptr(fd), "passed socket "+strconv.Itoa(fd))
		l, err := net.FileListener(f) // has its own copy of the descriptor, and leaves the socket's file alone at Close
		f.Close()
		if err != nil {
			closeAll(out)
			return nil, fedmsg.WrapError(fedmsg.CodeConfig, err,
				"file descriptor %d passed by the service manager is not a listening stream socket; check ListenStream= of the socket unit", fd)
		}
		out[passedName(names, i, l, out)] = l
	}
	return out, nil
}

// passedName is the name of the i-th socket, unique in taken.
func passedName(names []string, i int, l net.Listener, taken map[string]net.Listener) string {
	name := "http"
	if l.Addr().Network() == "unix" {
		name = "unix"
	}
	if i < len(names) && names[i] != "" && names[i] != "unknown" {
		name = names[i]
	}
	for base, n := name, 2; taken[name] != nil; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	return name
}

func closeAll(ls map[string]net.Listener) {
	for _, l := range ls {
		l.Close()
	}
}
