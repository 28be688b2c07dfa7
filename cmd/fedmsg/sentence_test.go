package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/federated-messaging/fedmsg"
)

// TestSentence holds that an error is one line, that what its insides repeat is left out, and that what they add is not.
func TestSentence(t *testing.T) {
	dial := func(address string, errno syscall.Errno) error {
		return &net.OpError{Op: "dial", Net: "unix", Addr: &net.UnixAddr{Name: address}, Err: os.NewSyscallError("connect", errno)}
	}
	noNode := func(causes ...error) error {
		return fedmsg.WrapError(fedmsg.CodeUnavailable, errors.Join(causes...), "no node answers")
	}
	queued := func(cause error) error {
		return fedmsg.WrapError(fedmsg.CodeQueued, cause, "queued: %s", cause.(*fedmsg.Error).Message)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{io.EOF, "EOF"},
		{fedmsg.Errorf(fedmsg.CodeUsage, "wrong"), "wrong"},
		{noNode(dial("/a", syscall.ENOENT), dial("/b", syscall.ECONNREFUSED)), "no node answers"},
		{noNode(dial("/a", syscall.ENOENT), dial("/b", syscall.EACCES), dial("/c", syscall.EPERM)),
			"no node answers: dial unix /b: connect: permission denied; dial unix /c: connect: operation not permitted"},
		{fedmsg.WrapError(fedmsg.CodeCannotMake, dial("/a", syscall.EADDRINUSE), "cannot listen on /a: address already in use"),
			"cannot listen on /a: address already in use"},
		{fedmsg.WrapError(fedmsg.CodeCannotMake, dial("/a", syscall.ENOENT), "cannot listen on /b"),
			"cannot listen on /b: dial unix /a: connect: no such file or directory"},
		{fmt.Errorf("line 1: %w", noNode(io.EOF, io.ErrUnexpectedEOF)), "line 1: no node answers: EOF; unexpected EOF"},
		{queued(noNode(dial("/a", syscall.ENOENT))), "queued: no node answers"},
		{queued(noNode(dial("/a", syscall.EACCES))), "queued: no node answers: dial unix /a: connect: permission denied"},
		{queued(fedmsg.WrapError(fedmsg.CodeUnavailable, os.ErrDeadlineExceeded, "the node did not answer within 5s")), "queued: the node did not answer within 5s"},
		{queued(fedmsg.WrapError(fedmsg.CodeUnavailable, &net.DNSError{Err: "no such host", Name: "b"}, "there is no such host as b")), "queued: there is no such host as b"},
		{queued(noNode(dial("/a", syscall.ETIMEDOUT), context.DeadlineExceeded)), "queued: no node answers: dial unix /a: connect: connection timed out; context deadline exceeded"},
		{queued(fedmsg.Errorf(fedmsg.CodeLogFailed, "restart the node")), "queued: restart the node"},
		{errors.Join(io.EOF, io.ErrClosedPipe), "EOF; io: read/write on closed pipe"},
	} {
		if got := sentence(c.err); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.err, got, c.want)
		}
	}
}
