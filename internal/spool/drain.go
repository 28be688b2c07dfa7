package spool

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/federated-messaging/fedmsg"
)

const (
	batchFiles = 256     // most files handed on at once
	batchBytes = 1 << 20 // a batch that has as much takes no more files
)

// tempAge is how old an incomplete file must be before it counts as left by a crash.
const tempAge = 24 * time.Hour

// Pending reports whether envelopes of the calling user are waiting. A spool that does not exist has none.
func (s *Spool) Pending() (bool, error) {
	names, err := s.ownNames()
	switch {
	case err == nil:
		return len(names) > 0, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case errors.Is(err, fs.ErrPermission):
		s.mu.Lock()
		defer s.mu.Unlock()
		m := s.openMark()
		defer m.close()
		return m.pending(), nil
	}
	return false, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot look into the spool %s", s.dir)
}

// DrainOwn hands on what the calling user spooled, in order, until nothing is left, deliver asks to stop, or ctx ends. Only
// one drain runs on a directory at a time; it waits for its turn. In a directory that the user may not list it hands on
// nothing and fails with CodeQueued if something waits there: the node that owns the directory sends it.
func (s *Spool) DrainOwn(ctx context.Context, deliver Deliver) (Summary, error) {
	sum, err := s.drain(ctx, deliver, s.ownNames)
	if err != errUnlistable {
		return sum, err
	}
	pending, err := s.Pending()
	if err == nil && pending {
		err = fedmsg.Errorf(fedmsg.CodeQueued, "messages wait in the spool %s; the node that owns it will send them", s.dir)
	}
	return Summary{Empty: err == nil && !pending}, err
}

// DrainAll hands on what all users spooled, in the order of their names, which is each user's own order. Only who may list
// and read the directory can: the node that owns it.
func (s *Spool) DrainAll(ctx context.Context, deliver Deliver) (Summary, error) {
	s.removeTemps(time.Now())
	sum, err := s.drain(ctx, deliver, s.names)
	if err == errUnlistable {
		err = fedmsg.Errorf(fedmsg.CodeForbidden, "cannot drain the spool %s, which must belong to the node's user", s.dir)
	}
	return sum, err
}

// errUnlistable tells that the directory belongs to somebody else.
var errUnlistable = errors.New("may not list the spool")

// drain hands on what list names until it names nothing more.
func (s *Spool) drain(ctx context.Context, deliver Deliver, list func() ([]string, error)) (sum Summary, err error) {
	d, err := os.OpenFile(s.dir, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return Summary{Empty: true}, nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return sum, errUnlistable
	}
	if err != nil {
		return sum, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot open the spool %s", s.dir)
	}
	defer d.Close()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(lockPatience)
	}
	if err := lock(d, deadline); err != nil {
		return sum, fedmsg.WrapError(fedmsg.CodeBusy, err, "cannot drain the spool %s: another process does", s.dir)
	}
	for {
		names, err := list()
		if err != nil {
			return sum, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot list the spool %s", s.dir)
		}
		if len(names) == 0 {
			sum.Empty = true
			return sum, nil
		}
		for len(names) > 0 {
			if err := ctx.Err(); err != nil {
				return sum, fedmsg.WrapError(fedmsg.CodeTimeout, err, "the spool %s is not drained yet", s.dir)
			}
			n, err := s.handOn(ctx, deliver, names, &sum)
			if err != nil {
				return sum, err
			}
			names = names[n:]
		}
	}
}

// handOn delivers some files from the front and removes or rejects them. It says how many were dealt with.
func (s *Spool) handOn(ctx context.Context, deliver Deliver, names []string, sum *Summary) (int, error) {
	var files []File
	var infos []fs.FileInfo
	done := 0 // how many names are files of the batch, gone or rejected
	for bytes := 0; done < len(names) && len(files) < batchFiles && bytes < batchBytes; done++ {
		file, info, err := s.read(names[done])
		switch {
		case errors.Is(err, fs.ErrNotExist): // another drainer was quicker
		case err != nil && !permanent(err):
			return done, err
		case err != nil:
			sum.Rejected++
			if err := s.reject(names[done], err); err != nil {
				return done, err
			}
		default:
			files, infos = append(files, file), append(infos, info)
			bytes += len(file.Envelope)
		}
	}
	for len(files) > 0 {
		errs := deliver(ctx, files)
		if len(errs) == 0 || len(errs) > len(files) {
			return 0, fedmsg.Errorf(fedmsg.CodeInternal, "%d of %d spooled messages have a fate", len(errs), len(files))
		}
		var first error // what was delivered behind it has its fate all the same, and must not be delivered again
		for i, err := range errs {
			if err := s.conclude(files[i].Name, infos[i], err, sum); err != nil && first == nil {
				first = err
			}
		}
		if first != nil {
			return 0, first
		}
		files, infos = files[len(errs):], infos[len(errs):]
	}
	return done, nil
}

// conclude removes a file that was delivered, moves one that was refused, and returns an error that keeps it. What was redacted is refused
// and removed: it must not be kept anywhere.
func (s *Spool) conclude(name string, info fs.FileInfo, err error, sum *Summary) error {
	switch {
	case err == nil:
		sum.Delivered++
		return s.remove(name, info)
	case fedmsg.CodeOf(err) == fedmsg.CodeRedacted:
		sum.Rejected++
		return s.remove(name, info)
	case !permanent(err):
		return err
	}
	sum.Rejected++
	return s.reject(name, err)
}

// permanent reports whether err says that the message itself, not the moment or the credential, is wrong.
func permanent(err error) bool {
	switch fedmsg.CodeOf(err) {
	case fedmsg.CodeBadJSON, fedmsg.CodeDuplicateKey, fedmsg.CodeBadTopic, fedmsg.CodeBadBody, fedmsg.CodeBadEnvelope,
		fedmsg.CodeBadID, fedmsg.CodeTooLarge, fedmsg.CodeTooDeep, fedmsg.CodeIDConflict, fedmsg.CodeForbidden,
		// Of a signature. What a later trust file or clock would take is in rejected/ for an administrator: it must not stand
		// before the messages behind it until then. An old revocation list is refused for the moment alone.
		fedmsg.CodeUnsigned, fedmsg.CodeMalformedSignature, fedmsg.CodeBadSignature, fedmsg.CodeUnknownSigner, fedmsg.CodeWrongTopic,
		fedmsg.CodeRevoked, fedmsg.CodeExpired, fedmsg.CodeWeakSignature, fedmsg.CodeStale, fedmsg.CodeFromFuture:
		return true
	}
	return false
}

// remove deletes a file that is settled, unless another one has taken its name since.
func (s *Spool) remove(name string, settled fs.FileInfo) error {
	path := filepath.Join(s.dir, name)
	now, err := os.Lstat(path)
	if err == nil && os.SameFile(now, settled) {
		if err := s.step("remove"); err != nil {
			return err
		}
		err = os.Remove(path)
	}
	if err = ignoreMissing(err); err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot remove a delivered message from the spool %s", s.dir)
	}
	return nil
}

// names lists all spooled envelopes in order.
func (s *Spool) names() ([]string, error) { return s.list(func(string) bool { return true }) }

// ownNames lists those of the calling user in order.
func (s *Spool) ownNames() ([]string, error) {
	uid := os.Geteuid()
	mine := "-" + strconv.Itoa(uid) + "-"
	return s.list(func(name string) bool {
		if !strings.Contains(name, mine) {
			return false
		}
		info, err := os.Lstat(filepath.Join(s.dir, name))
		return err == nil && ownerOf(info) == uid
	})
}

func (s *Spool) list(want func(name string) bool) ([]string, error) {
	d, err := os.Open(s.dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	all, err := d.ReadDir(-1)
	var names []string
	for _, e := range all {
		// A directory is no envelope, and somebody else's cannot be moved out of the way either.
		if name := e.Name(); !e.IsDir() && strings.HasSuffix(name, suffix) && name[0] != '.' && want(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, err
}

// removeTemps removes incomplete files that a crash has left. Nobody was told that they are kept.
func (s *Spool) removeTemps(now time.Time) {
	d, err := os.Open(s.dir)
	if err != nil {
		return
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, name := range names {
		if !strings.HasPrefix(name, tempPrefix) {
			continue
		}
		path := filepath.Join(s.dir, name)
		if info, err := os.Lstat(path); err == nil && now.Sub(info.ModTime()) > tempAge {
			os.Remove(path)
		}
	}
}
