// Package bind opens what a configuration says to listen on.
//
// It promises that the file of a unix socket has its mode and group from its first moment, that one which nobody serves is
// replaced and one which somebody serves is never taken away, and that whoever cannot listen is told why, the key to look at,
// and the cure where it is known.
package bind

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

// DefaultMode lets the owner and the group of a unix socket in.
const DefaultMode = 0o660

// File is the file of a unix socket.
type File struct {
	Path  string
	Mode  os.FileMode
	Group string // name or number; empty leaves that of the process
	Key   string // of the configuration, for errors
}

// TCP listens on HOST:PORT, for the URI that stands in a key of the configuration.
func TCP(ctx context.Context, address, uri, key string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fedmsg.Errorf(fedmsg.CodeCannotMake, "cannot listen on %s (%s): %s", uri, key, Reason(err, key))
	}
	return ln, nil
}

// Listen makes the socket. remove takes its file away, unless there is another one in its place by then; closing the listener
// does not.
func (f File) Listen(ctx context.Context) (ln *net.UnixListener, remove func(), err error) {
	fail := func(inside error) (*net.UnixListener, func(), error) { return nil, nil, f.fault(inside) }
	gid, err := lookupGroup(f.Group)
	if err != nil {
		return nil, nil, fedmsg.Errorf(fedmsg.CodeCannotMake, "cannot make the socket %s (%s): there is no group %q; make it with groupadd --system %s, or leave group= out", f.Path, f.Key, f.Group, f.Group)
	}
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return fail(err)
	}
	if err := f.removeDead(ctx); err != nil {
		return nil, nil, err
	}
	// A new socket file has the mode of the descriptor: nobody else can connect before its group and mode are set.
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var chmod error
		return errors.Join(c.Control(func(fd uintptr) { chmod = unix.Fchmod(int(fd), 0o600) }), chmod)
	}}
	anyLn, err := lc.Listen(ctx, "unix", f.Path)
	if err != nil {
		return fail(err)
	}
	ln, _ = anyLn.(*net.UnixListener)
	ln.SetUnlinkOnClose(false)
	made, err := os.Lstat(f.Path)
	if err == nil && gid >= 0 {
		err = os.Lchown(f.Path, -1, gid)
	}
	if err == nil {
		err = os.Chmod(f.Path, f.Mode)
	}
	if err != nil {
		ln.Close()
		os.Remove(f.Path)
		return fail(err)
	}
	return ln, func() { removeSame(f.Path, made) }, nil
}

// removeDead removes a socket that nobody serves.
func (f File) removeDead(ctx context.Context) error {
	refuse := func(why string) error {
		return fedmsg.Errorf(fedmsg.CodeCannotMake, "cannot make the socket %s (%s): %s", f.Path, f.Key, why)
	}
	found, err := os.Lstat(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return f.fault(err)
	case found.Mode()&fs.ModeSocket == 0:
		return refuse("there is a file of that name which is not a socket")
	}
	var d net.Dialer
	nc, err := d.DialContext(ctx, "unix", f.Path)
	switch {
	case err == nil:
		nc.Close()
		return refuse("another process serves it; stop that one, or set another " + f.Key)
	case errors.Is(err, syscall.ECONNREFUSED):
		removeSame(f.Path, found)
		return nil
	case errors.Is(err, fs.ErrPermission):
		return refuse("there is one of another user; remove it if nobody serves it, or set another " + f.Key)
	}
	return f.fault(err) // it may be served: a process that does not accept lets nobody in
}

// fault says why there can be no socket at the path.
func (f File) fault(err error) error {
	return fedmsg.Errorf(fedmsg.CodeCannotMake, "cannot make the socket %s (%s): %s", f.Path, f.Key, Reason(err, f.Key))
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

// Reason gives the part of a system error that helps whoever set the key, once, and the cure where it is known.
func Reason(err error, key string) string {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return err.Error()
	}
	return errno.Error() + cure(err, errno, key)
}

// cure says what to do about a system error.
func cure(err error, errno syscall.Errno, key string) string {
	op, _ := errors.AsType[*net.OpError](err)
	switch {
	case errno == syscall.EADDRINUSE:
		return "; stop the process that listens there, or set another " + key
	case errno == syscall.EADDRNOTAVAIL:
		return "; this machine has no such address, set another " + key
	case errno == syscall.EACCES && op != nil && op.Net == "tcp":
		return "; ports below 1024 need root or CAP_NET_BIND_SERVICE, or set another " + key
	case errno == syscall.EACCES || errno == syscall.EPERM || errno == syscall.EROFS:
		return "; let this user enter and write to its directory, or set another " + key
	}
	return ""
}
