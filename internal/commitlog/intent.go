package commitlog

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/federated-messaging/fedmsg/internal/durable"
)

// intentName is the file that says which payload is being erased. Erasing overwrites what was acknowledged, and a crash in the
// middle would leave a payload that neither holds nor is erased; so the file is durable before, and the next start erases again.
const intentName = "redact.json"

// intent is the content of the file.
type intent struct {
	Segment uint64 `json:"segment"` // first number of the segment
	Offset  int64  `json:"offset"`  // of the record in it
	Seq     uint64 `json:"seq"`
	Hash    string `json:"hash"` // that of the record's header in hex: another record in its place stays as it is
	Sum     uint32 `json:"crc32c,omitempty"`
}

// names reports whether a record is the one.
func (n *intent) names(h *header) bool {
	return n.Seq == h.seq && n.Hash == hex.EncodeToString(h.hash)
}

// writeIntent makes it durable.
func writeIntent(fsys durable.FS, dir string, n intent) error {
	n.Sum = jsonSum(n)
	data, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return durable.WriteFile(fsys, filepath.Join(dir, intentName), append(data, '\n'), 0o600)
}

// readIntent reads the file, if there is one. It fails with errBroken where the file is unreadable.
func readIntent(fsys durable.FS, dir string) (n intent, there bool, err error) {
	data, err := durable.ReadFile(fsys, filepath.Join(dir, intentName))
	if errors.Is(err, fs.ErrNotExist) {
		return n, false, nil
	}
	if err != nil {
		return n, false, err
	}
	if err := json.Unmarshal(data, &n); err != nil {
		return n, false, errBroken
	}
	sum := n.Sum
	n.Sum = 0
	if sum != jsonSum(n) {
		return n, false, errBroken
	}
	return n, true, nil
}

// finishIntent erases what a crash kept from being erased.
func (l *Log) finishIntent(segments []*segment) error {
	n, there, err := readIntent(l.o.FS, l.dir)
	if errors.Is(err, errBroken) {
		l.o.Logger.Error("the note of what was being erased is damaged, and is left out", "file", intentName)
		return remove(l.o.FS, l.dir, filepath.Join(l.dir, intentName))
	}
	if err != nil || !there {
		return err
	}
	for _, s := range segments {
		if s.first != n.Segment {
			continue
		}
		h, err := l.headerAt(s, n.Offset)
		if errors.Is(err, errBroken) || err != nil && durable.Unreadable(err) || err == nil && !n.names(&h) {
			break // there is nothing more of it that could be read
		}
		if err == nil {
			err = erasePayload(l.o.FS, s.path, n.Offset, &h)
		}
		if err != nil {
			return fmt.Errorf("erasing the payload of entry %d: %w", n.Seq, err)
		}
	}
	return remove(l.o.FS, l.dir, filepath.Join(l.dir, intentName))
}

// erasePayload overwrites the payload of the record at an offset durably. The file is opened anew since full segments are open
// for reading alone.
func erasePayload(fsys durable.FS, path string, off int64, h *header) error {
	file, err := fsys.Open(path, false)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(erased(h), off+int64(h.size))
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// patience is what a scanner asks where a header holds and the payload behind it does not, before it calls that damage.
type patience interface {
	// settle returns when nobody is erasing the record any more; then it is read again. True says that it is to be taken as erased
	// already: who erases it is another process, which may also have died.
	settle(h *header) (erased bool)
}

// barrier is the patience of who reads in the process that erases.
type barrier struct{ erasing *sync.RWMutex }

func (b barrier) settle(*header) bool {
	b.erasing.RLock()
	defer b.erasing.RUnlock()
	return false // to have waited is all
}

// watch is the patience of who reads beside such a process. Where the note was there when the payload did not hold, it is either
// still there or the payload holds now.
type watch struct {
	fs  durable.FS
	dir string
}

func (w watch) settle(h *header) bool {
	n, there, err := readIntent(w.fs, w.dir)
	return err == nil && there && n.names(h)
}
