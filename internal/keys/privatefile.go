package keys

import (
	"io"
	"os"
	"syscall"

	"github.com/federated-messaging/fedmsg"
)

// maxPrivateFile bounds a file with a private key.
const maxPrivateFile = 1 << 20

// ReadPrivateFile reads a file that holds a private key, of whatever form. It must be a regular file that only its owner can
// read or write, and the owner is this user or root; otherwise the error has CodeConfig and names the cure. What is looked at
// is the file that is read, not what stands at the path a moment before.
func ReadPrivateFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // of a pipe nobody writes to, nothing is awaited
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot read the private key")
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot read the private key")
	}
	owner := -1
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		owner = int(s.Uid)
	}
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the private key %s is not a regular file", path)
	case mode.Perm()&0o077 != 0:
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "others may read or change the private key %s (mode %04o); chmod 600 %s, and make a new key if they could have read it", path, mode.Perm(), path)
	case owner != os.Geteuid() && owner != 0:
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the private key %s belongs to the user %d, who could change it; chown it to the user that runs fedmsg, or to root", path, owner)
	case info.Size() > maxPrivateFile:
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the private key %s has %d bytes; at most %d are read", path, info.Size(), maxPrivateFile)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxPrivateFile))
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot read the private key %s", path)
	}
	return data, nil
}
