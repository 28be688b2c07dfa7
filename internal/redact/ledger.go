package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"sync"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// Ledger knows every message that was redacted, also those that the log never had or does not have any more. It is a file of lines of
// JSON, which only grows, and in memory. Its methods may be called by any number of goroutines.
type Ledger struct {
	fs   durable.FS
	path string

	writing sync.Mutex // held while the file is written
	file    durable.File
	size    int64

	mu  sync.RWMutex
	all map[string]*archive.Redaction // by id; guarded by mu
}

// OpenLedger reads the file, if there is one. What a crash left unfinished at its end is cut off: nobody was told of it. A line that
// cannot be read otherwise fails with CodeDamaged.
func OpenLedger(path string) (*Ledger, error) { return openLedger(durable.OS{}, path) }

func openLedger(fsys durable.FS, path string) (*Ledger, error) {
	l := &Ledger{fs: fsys, path: path, all: make(map[string]*archive.Redaction)}
	data, err := durable.ReadFile(fsys, path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot read what was redacted, in %s", path)
	}
	for len(data) > 0 {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		var r archive.Redaction
		err := json.Unmarshal(line, &r)
		if err == nil {
			err = validate(&r)
		}
		if !whole || err != nil && len(rest) == 0 {
			break
		}
		if err != nil {
			return nil, fedmsg.WrapError(fedmsg.CodeDamaged, err, "%s is damaged, at offset %d; it says which messages were redacted and must not come again: take the line out, or restore the file", path, l.size)
		}
		l.size += int64(len(line) + 1)
		l.put(&r)
		data = rest
	}
	return l, nil
}

// Add writes a redaction down durably, unless one of its id is known: what was said first stays.
func (l *Ledger) Add(r archive.Redaction) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.Has(r.ID) {
		return nil
	}
	line, err := json.Marshal(r)
	if err == nil && l.file == nil {
		err = l.open()
	}
	if err == nil {
		_, err = l.file.WriteAt(append(line, '\n'), l.size)
	}
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return errors.Join(l.failed(err), l.forget())
	}
	l.size += int64(len(line) + 1)
	l.put(&r)
	return nil
}

// open opens the file for writing, behind what is known of it.
func (l *Ledger) open() (err error) {
	if l.file, err = l.fs.Open(l.path, false); errors.Is(err, fs.ErrNotExist) {
		if l.file, err = l.fs.Create(l.path, 0o600); err == nil {
			err = l.fs.SyncDir(filepath.Dir(l.path))
		}
	}
	if err == nil {
		err = l.file.Truncate(l.size)
	}
	if err != nil {
		return errors.Join(err, l.forget())
	}
	return nil
}

// forget closes the file, of which nobody knows what is in it behind a failure: the next Add opens it and cuts it.
func (l *Ledger) forget() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

func (l *Ledger) failed(err error) error {
	return fedmsg.WrapError(fedmsg.CodeStorageFull, err, "cannot write down that a message is redacted, in %s", filepath.Base(l.path))
}

func (l *Ledger) put(r *archive.Redaction) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all[r.ID] == nil {
		l.all[r.ID] = r
	}
}

// Has reports whether the message with an id was redacted.
func (l *Ledger) Has(id string) bool {
	_, ok := l.Get(id)
	return ok
}

// Get gives what is known of the redaction of a message.
func (l *Ledger) Get(id string) (archive.Redaction, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	r := l.all[id]
	if r == nil {
		return archive.Redaction{}, false
	}
	return *r, true
}

// Len is how many messages were redacted.
func (l *Ledger) Len() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.all)
}

// Close closes the file.
func (l *Ledger) Close() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.forget()
}
