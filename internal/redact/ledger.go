package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// Ledger knows every message that was redacted, also those that the log never had or does not have any more. What is redacted is an
// envelope under an id: log and archive may have had two of them under one. It is a file of lines of JSON, which only grows, and in
// memory. Its methods may be called by any number of goroutines.
type Ledger struct {
	fs   durable.FS
	path string

	writing sync.Mutex // held while the file is written
	file    durable.File
	size    int64

	mu   sync.RWMutex
	all  []archive.Redaction // as they were written; only appended to, guarded by mu
	ofID map[string][]int    // where in all those of an id are; guarded by mu
}

// OpenLedger reads the file, if there is one. What a crash left unfinished at its end is cut off: nobody was told of it. A line that
// cannot be read otherwise fails with CodeDamaged.
func OpenLedger(path string) (*Ledger, error) { return openLedger(durable.OS{}, path) }

func openLedger(fsys durable.FS, path string) (*Ledger, error) {
	l := &Ledger{fs: fsys, path: path, ofID: make(map[string][]int)}
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

// Add writes a redaction down durably, unless one of its id and SHA-256 is known: what was said first stays.
func (l *Ledger) Add(r archive.Redaction) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if _, known := l.Find(r.ID, r.SHA256); known {
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
	if _, known := l.Find(r.ID, r.SHA256); known {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ofID[r.ID] = append(l.ofID[r.ID], len(l.all))
	l.all = append(l.all, *r)
}

// Has reports whether a message with an id was redacted, whatever its envelope.
func (l *Ledger) Has(id string) bool {
	_, ok := l.Get(id)
	return ok
}

// Get gives what is known of the first redaction of a message with an id.
func (l *Ledger) Get(id string) (archive.Redaction, bool) {
	return l.first(id, func(*archive.Redaction) bool { return true })
}

// Find gives what is known of the redaction of one envelope: of that with the SHA-256, in lower case hexadecimal digits.
func (l *Ledger) Find(id, sum string) (archive.Redaction, bool) {
	return l.first(id, func(r *archive.Redaction) bool { return r.SHA256 == sum })
}

func (l *Ledger) first(id string, is func(*archive.Redaction) bool) (archive.Redaction, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, i := range l.ofID[id] {
		if r := &l.all[i]; is(r) {
			return *r, true
		}
	}
	return archive.Redaction{}, false
}

// All gives every redaction, in the order in which they were written down. It is nobody's to change.
func (l *Ledger) All() []archive.Redaction {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.Clip(l.all)
}

// Len is how many envelopes were redacted.
func (l *Ledger) Len() int { return len(l.All()) }

// Close closes the file.
func (l *Ledger) Close() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.forget()
}
