package spool

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Survey is what lies in a spool.
type Survey struct {
	Files    int       // envelopes that wait
	Oldest   time.Time // when the oldest of them was written; zero where there is none
	Fullest  float64   // how full it is for the user who has most in it: 1 is at the limit of files or bytes
	Rejected int       // envelopes that a node refused for good
}

// Survey counts what lies in the spool, as a user who may list it. It changes nothing and takes no lock; a spool that is not there
// is empty.
func (s *Spool) Survey() (Survey, error) {
	names, err := s.names()
	if errors.Is(err, fs.ErrNotExist) {
		return Survey{}, nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return Survey{}, fedmsg.WrapError(fedmsg.CodeForbidden, err, "only the user to whom the spool %s belongs, and root, may list it", s.dir)
	}
	if err != nil {
		return Survey{}, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot list the spool %s", s.dir)
	}
	var out Survey
	files, bytes := map[int]int{}, map[int]int64{}
	for _, name := range names {
		info, err := os.Lstat(filepath.Join(s.dir, name))
		if err != nil {
			continue // it was fetched meanwhile
		}
		out.Files++
		if out.Oldest.IsZero() || info.ModTime().Before(out.Oldest) {
			out.Oldest = info.ModTime()
		}
		owner := ownerOf(info)
		files[owner]++
		bytes[owner] += info.Size()
		out.Fullest = max(out.Fullest, float64(files[owner])/float64(s.o.Files), float64(bytes[owner])/float64(s.o.Bytes))
	}
	out.Rejected = s.countRejected()
	return out, nil
}

// countRejected counts over all directories that [Spool.rejectedDir] may have made. One that cannot be read counts as empty: it
// belongs to another user.
func (s *Spool) countRejected() (n int) {
	dirs, _ := filepath.Glob(filepath.Join(s.dir, "rejected*")) // the pattern is right, unless the directory's own name is one
	for _, dir := range dirs {
		files, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, f := range files {
			if strings.HasSuffix(f.Name(), suffix) {
				n++
			}
		}
	}
	return n
}
