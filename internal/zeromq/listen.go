package zeromq

import (
	"errors"
	"syscall"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// listen opens the endpoint's socket.
func (u *setup) listen(t zmtp.SocketType) (*zmtp.Listener, error) {
	ln, err := zmtp.Listen(u.address, t, u.zmtp)
	if err != nil {
		return nil, u.cannotListen(err)
	}
	return ln, nil
}

// cannotListen says why there is no such socket, with the cure where it is known.
func (u *setup) cannotListen(err error) error {
	key, cure := u.kind.key(), ""
	text := err.Error()
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		text = errno.Error()
		switch {
		case errno == syscall.EADDRINUSE:
			cure = "; stop the process that listens there, or set another " + key
		case errno == syscall.EADDRNOTAVAIL:
			cure = "; this machine has no such address, set another " + key
		case errno == syscall.EACCES && u.scheme == "tcp":
			cure = "; ports below 1024 need root or CAP_NET_BIND_SERVICE, or set another " + key
		case errno == syscall.EACCES || errno == syscall.EPERM || errno == syscall.EROFS:
			cure = "; let this user enter and write to its directory, or set another " + key
		}
	}
	return fedmsg.Errorf(fedmsg.CodeCannotMake, "cannot listen on %s: %s%s", u.endpoint, text, cure)
}
