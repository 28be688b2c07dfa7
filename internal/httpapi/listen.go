package httpapi

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/federated-messaging/fedmsg"
)

// listenTCP opens a TCP endpoint.
func listenTCP(ctx context.Context, e *endpoint) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", e.address)
	if err != nil {
		return nil, fedmsg.Errorf(fedmsg.CodeCannotMake, "cannot listen on %s (http.listen): %s", e.uri, reason(err, "http.listen"))
	}
	return ln, nil
}

// listenUnix makes the socket of an endpoint. The file has its right mode from its first moment. One that nobody serves
// is left over from a crash and is replaced; one that somebody serves is never taken away.
func listenUnix(ctx context.Context, e *endpoint) (ln *net.UnixListener, remove func(), err error) {
	fail := func(inside error) (*net.UnixListener, func(), error) {
		return nil, nil, socketError(e.address, inside)
	}
	gid, err := lookupGroup(e.group)
	if err != nil {
		return nil, nil, fedmsg.Errorf(fedmsg.CodeCannotMake, "cannot make the socket %s (http.socket): there is no group %q; make it with groupadd --system %s, or leave group= out", e.address, e.group, e.group)
	}
	if err := os.MkdirAll(filepath.Dir(e.address), 0o755); err != nil {
		return fail(err)
	}
	if err := removeDead(ctx, e.address); err != nil {
		return nil, nil, err
	}
	// A new socket file has the mode of the descriptor: nobody else can connect before its group and mode are set.
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var chmod error
		return errors.Join(c.Control(func(fd uintptr) { chmod = unix.Fchmod(int(fd), 0o600) }), chmod)
	}}
	anyLn, err := lc.Listen(ctx, "unix", e.address)
	if err != nil {
		return fail(err)
	}
	ln, _ = anyLn.(*net.UnixListener)
	ln.SetUnlinkOnClose(false)
	made, err := os.Lstat(e.address)
	if err == nil && gid >= 0 {
		err = os.Lchown(e.address, -1, gid)
	}
	if err == nil {
		err = os.Chmod(e.address, e.mode)
	}
	if err != nil {
		ln.Close()
		os.Remove(e.address)
		return fail(err)
	}
	return ln, func() { removeSame(e.address, made) }, nil
}

// removeDead removes a socket that nobody serves.
func removeDead(ctx context.Context, path string) error {
	found, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return socketError(path, err)
	case found.Mode()&fs.ModeSocket == 0:
		return fedmsg.Errorf(fedmsg.CodeCannotMake, "cannot make the socket %s (http.socket): there is a file of that name which is not a socket", path)
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		nc.Close()
		return fedmsg.Errorf(fedmsg.CodeCannotMake, "cannot make the socket %s (http.socket): another process serves it; stop that one, or set another http.socket", path)
	case errors.Is(err, syscall.ECONNREFUSED):
		removeSame(path, found)
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fedmsg.Errorf(fedmsg.CodeCannotMake, "cannot make the socket %s (http.socket): there is one of another user; remove it if nobody serves it, or set another http.socket", path)
	}
	return socketError(path, err) // it may be served: a process that does not accept lets nobody in
}

// socketError says why there can be no socket at the path.
func socketError(path string, err error) error {
	return fedmsg.Errorf(fedmsg.CodeCannotMake, "cannot make the socket %s (http.socket): %s", path, reason(err, "http.socket"))
}

// removeSame removes the file if it still is the one that was found.
func removeSame(path string, found os.FileInfo) {
	if now, err := os.Lstat(path); err == nil && os.SameFile(now, found) {
		os.Remove(path)
	}
}

// lookupGroup gives the number of a group, or -1 for no group.
func lookupGroup(name string) (int, error) {
	if name == "" {
		return -1, nil
	}
	if gid, err := strconv.Atoi(name); err == nil {
		return gid, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}

// reason gives the part of a system error that helps whoever set the key, once, and the cure where it is known.
func reason(err error, key string) string {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return err.Error()
	}
	cure := ""
	switch {
	case errno == syscall.EADDRINUSE:
		cure = "; stop the process that listens there, or set another " + key
	case errno == syscall.EADDRNOTAVAIL:
		cure = "; this machine has no such address, set another " + key
	case errno == syscall.EACCES && key == "http.listen":
		cure = "; ports below 1024 need root or CAP_NET_BIND_SERVICE, or set another " + key
	case errno == syscall.EACCES || errno == syscall.EPERM || errno == syscall.EROFS:
		cure = "; let this user enter and write to its directory, or set another " + key
	}
	return errno.Error() + cure
}
