package zmtp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// bind listens. remove takes away the file that was made for it.
func bind(a address, o *Options) (ln net.Listener, remove func(), err error) {
	if a.network == "unix" && !strings.HasPrefix(a.name, "@") {
		if o.ListenUnix == nil {
			return bindFile(a.name)
		}
		ln, err = o.ListenUnix(a.name)
		return ln, func() {}, err
	}
	config := net.ListenConfig{KeepAliveConfig: o.KeepAlive}
	ln, err = config.Listen(context.Background(), a.network, a.name)
	if err != nil {
		return nil, nil, bindError(err)
	}
	return ln, func() {}, nil
}

// bindFile listens on a unix socket that has a file.
func bindFile(path string) (net.Listener, func(), error) {
	if err := removeDead(path); err != nil {
		return nil, nil, err
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, nil, bindError(err)
	}
	// Another one may have put its own there in the meantime.
	ln.SetUnlinkOnClose(false)
	made, err := os.Lstat(path)
	if err != nil {
		ln.Close()
		return nil, nil, err
	}
	return ln, func() { removeSame(path, made) }, nil
}

// removeDead removes a socket's file that nobody listens on.
func removeDead(path string) error {
	found, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case found.Mode()&fs.ModeSocket == 0:
		return errors.New("there is a file of that name which is not a socket")
	}
	nc, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		nc.Close()
		return fmt.Errorf("another process listens there: %w", syscall.EADDRINUSE)
	case errors.Is(err, syscall.ECONNREFUSED):
		removeSame(path, found)
		return nil
	}
	return bindError(err)
}

// removeSame removes the file if it still is the one that was found.
func removeSame(path string, found os.FileInfo) {
	if now, err := os.Lstat(path); err == nil && os.SameFile(now, found) {
		os.Remove(path)
	}
}

// bindError leaves out of a system's error what the URI says already.
func bindError(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return err
}
