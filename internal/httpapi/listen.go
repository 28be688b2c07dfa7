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
		return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot listen on %s (http.listen): %s", e.uri, reason(err))
	}
	return ln, nil
}

// listenUnix makes the socket of an endpoint. The file has its right mode from its first moment. One that nobody serves
// is left over from a crash and is replaced; one that somebody serves is never taken away.
func listenUnix(ctx context.Context, e *endpoint) (ln *net.UnixListener, remove func(), err error) {
	fail := func(inside error) (*net.UnixListener, func(), error) {
		return nil, nil, fedmsg.WrapError(fedmsg.CodeCannotMake, inside, "cannot make the socket %s (http.socket): %s", e.address, reason(inside))
	}
	gid, err := lookupGroup(e.group)
	if err != nil {
		return nil, nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make the socket %s (http.socket): there is no group %q; make it with groupadd --system %s, or leave group= out", e.address, e.group, e.group)
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
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && found.Mode()&fs.ModeSocket == 0 {
		return fedmsg.Errorf(fedmsg.CodeCannotMake, "cannot make the socket %s (http.socket): there is a file of that name which is not a socket", path)
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, "unix", path)
	if err == nil {
		nc.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make the socket %s (http.socket): another process serves it; stop that one, or set another http.socket", path)
	}
	removeSame(path, found)
	return nil
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

// reason gives the part of a system error that helps whoever set the address.
func reason(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return err.Error()
}
