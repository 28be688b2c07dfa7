package zeromq

import (
	"context"
	"errors"
	"net"
	"syscall"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/bind"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// listen opens the endpoint's socket. An error names the key and the cure.
func (u *setup) listen(t zmtp.SocketType) (*zmtp.Listener, error) {
	o := u.zmtp
	o.ListenUnix = u.listenUnix
	ln, err := zmtp.Listen(u.address, t, o)
	switch told, ok := errors.AsType[*fedmsg.Error](err); {
	case err == nil:
		u.counts.watch(ln.Stats)
		return ln, nil
	case ok:
		return nil, told // by listenUnix
	}
	text := err.Error()
	if _, ok := errors.AsType[syscall.Errno](err); ok {
		text = bind.Reason(err, u.kind.key())
	}
	return nil, fedmsg.Errorf(fedmsg.CodeCannotMake, "cannot listen on %s: %s", u.endpoint, text)
}

// listenUnix makes the file of the endpoint, with its mode and group.
func (u *setup) listenUnix(path string) (net.Listener, error) {
	ln, remove, err := bind.File{Path: path, Mode: u.mode, Group: u.group, Key: u.kind.key()}.Listen(context.Background())
	if err != nil {
		return nil, err
	}
	return fileListener{ln, remove}, nil
}

// fileListener takes its file away when it is closed.
type fileListener struct {
	*net.UnixListener
	remove func()
}

// Close stops listening.
func (l fileListener) Close() error {
	err := l.UnixListener.Close()
	l.remove()
	return err
}
