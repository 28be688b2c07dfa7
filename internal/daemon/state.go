package daemon

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// stateFormat is the number of the layout of the state directory that this version writes. It opens every older one.
const stateFormat = 1

// LogDir is the directory of the log in a state directory.
func LogDir(state string) string { return filepath.Join(state, "log") }

// TokensFile is the file of the tokens in a state directory.
func TokensFile(state string) string { return filepath.Join(state, "tokens.json") }

// ReadersDir is the directory of the readers' saved positions in a state directory.
func ReadersDir(state string) string { return filepath.Join(state, "readers") }

// KeysDir is the directory of the node's own keys in a state directory.
func KeysDir(state string) string { return filepath.Join(state, "keys") }

// openState makes the state directory what it has to be: mode 0700, with the number of its format. A directory that holds
// something else is refused, as a mistyped path would otherwise be taken over.
func openState(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return stateError(err, dir)
	}
	format := filepath.Join(dir, "format")
	text, err := os.ReadFile(format)
	switch {
	case err == nil:
		if err := checkFormat(dir, string(text)); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return stateError(err, dir)
	default:
		if err := checkEmpty(dir); err != nil {
			return err
		}
		if err := durable.WriteFile(durable.OS{}, format, []byte(strconv.Itoa(stateFormat)+"\n"), 0o600); err != nil {
			return stateError(err, dir)
		}
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return stateError(err, dir)
	}
	if err := os.MkdirAll(ReadersDir(dir), 0o700); err != nil {
		return stateError(err, dir)
	}
	return nil
}

func checkFormat(dir, text string) error {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	switch {
	case err != nil || n < 1:
		return fedmsg.Errorf(fedmsg.CodeFormat, "the file format in state directory %s holds no number; restore it from a backup (this version writes %d)", dir, stateFormat)
	case n > stateFormat:
		return fedmsg.Errorf(fedmsg.CodeFormat, "state directory %s has format %d and this version knows formats up to %d; use a newer fedmsg", dir, n, stateFormat)
	}
	return nil
}

// checkEmpty refuses a directory without a format that holds anything.
func checkEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return stateError(err, dir)
	}
	for _, e := range entries {
		if n := e.Name(); !ownName(n) {
			return fedmsg.Errorf(fedmsg.CodeConfig, "state directory %s has no file format but holds %q, so it is not a node's; name another directory by --state or the key state", dir, n)
		}
	}
	return nil
}

// ownName reports whether name may stand in a state directory before a node was started on it: other commands and clients
// put their things there too, and a crash may have come before the format was whole.
func ownName(name string) bool {
	switch name {
	case "format.tmp", "log", "tokens.json", "keys", "ca", "readers", "spool", "fedmsg.sock", "fedmsg-submit.sock", "lost+found":
		return true
	}
	return strings.HasPrefix(name, ".")
}

func stateError(err error, dir string) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot write to state directory %s; run as its owner, or name another directory by --state or the key state", dir)
	}
	return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot open state directory %s", dir)
}
