package mesh

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/backoff"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// Announce puts the line of a service into an endpoints file, in place of those that have its name. All else in the file stays
// as it is. Writers take turns, by a lock on the file with .lock behind its name, and readers see the old file or the new one.
func Announce(ctx context.Context, file string, s Service) error {
	if err := s.check(); err != nil {
		return err
	}
	return rewrite(ctx, file, s.Name, s.String())
}

// Withdraw takes the line out again, if it still is the one that was announced: another publisher of the name may have come
// since.
func Withdraw(ctx context.Context, file string, s Service) error {
	return rewrite(ctx, file, s.Name, "", s.String())
}

// rewrite puts line in place of those of a service, or takes them out where line is empty; only is the lines that it may be
// about, if there are any.
func rewrite(ctx context.Context, file, name, line string, only ...string) error {
	failed := func(err error) error {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot write the line of %s into the endpoints file %s; its directory must be one in which this user can make files", name, file)
	}
	lock, err := lockFile(ctx, file+".lock")
	if err != nil {
		return failed(err)
	}
	defer lock.Close() //nolint:errcheck // with it the lock ends
	mode := fs.FileMode(0o644)
	old, err := os.ReadFile(file)
	switch {
	case err == nil:
		info, err := os.Stat(file)
		if err != nil {
			return failed(err)
		}
		mode = info.Mode().Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return failed(err)
	}
	text := withLine(old, name, line, only)
	if bytes.Equal(text, old) {
		return nil
	}
	if err := durable.WriteFile(durable.OS{}, file, text, mode); err != nil {
		return failed(err)
	}
	return nil
}

// withLine is the file with line in place of those of a service.
func withLine(old []byte, name, line string, only []string) []byte {
	var text strings.Builder
	done := line == ""
	for l := range strings.Lines(string(old)) {
		words := words(l)
		ours := len(words) > 0 && words[0] == name && (len(only) == 0 || strings.Join(words, " ") == only[0])
		switch {
		case !ours:
			text.WriteString(strings.TrimSuffix(l, "\n") + "\n")
		case !done:
			text.WriteString(line + "\n")
			done = true
		}
	}
	if !done {
		text.WriteString(line + "\n")
	}
	return []byte(text.String())
}

// lockFile waits for the lock of a file that several users may share.
func lockFile(ctx context.Context, path string) (*os.File, error) {
	const sharedMode = 0o666 // less what the umask takes
	f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, sharedMode)
	if err != nil {
		return nil, err
	}
	wait := backoff.Backoff{Policy: backoff.Policy{First: 2 * time.Millisecond, Max: 100 * time.Millisecond}}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
			err = wait.Wait(ctx)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
}
