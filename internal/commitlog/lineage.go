package commitlog

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io/fs"
	"path/filepath"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

const (
	metaName = "log.json"
	markName = "end.json"
	lockName = "LOCK"
)

// Ancestor is a log that this one went on from.
type Ancestor struct {
	ID   fedmsg.LogID `json:"id"`
	Last uint64       `json:"last"` // positions of the ancestor up to here are valid in this log
}

// meta is log.json: who the log is.
type meta struct {
	Format  uint32       `json:"format"`
	ID      fedmsg.LogID `json:"id"`
	Lineage []Ancestor   `json:"lineage,omitempty"` // oldest first
	Sum     uint32       `json:"crc32c,omitempty"`  // of the JSON without it; 0 is not checked
}

// knows reports whether id is this log or one that it went on from.
func (m *meta) knows(id fedmsg.LogID) bool {
	_, ok := m.limit(id)
	return ok || id == m.ID
}

// limit gives up to where positions of an ancestor are valid.
func (m *meta) limit(id fedmsg.LogID) (last uint64, ok bool) {
	for _, a := range m.Lineage {
		if a.ID == id {
			return a.Last, true
		}
	}
	return 0, false
}

// newLogID makes a LogID of 60 random bits.
func newLogID() fedmsg.LogID {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	for i, c := range b {
		b[i] = letters[c%32]
	}
	return fedmsg.LogID(b[:])
}

// readMeta reads log.json. It fails with fs.ErrNotExist where there is none, and with errBroken where it is unreadable.
func readMeta(fsys durable.FS, dir string) (meta, error) {
	data, err := durable.ReadFile(fsys, filepath.Join(dir, metaName))
	if err != nil {
		return meta{}, err
	}
	var m meta
	if err := json.Unmarshal(data, &m); err != nil || !m.ID.Valid() {
		return meta{}, errBroken
	}
	if m.Format > format {
		return meta{}, formatError(m.Format)
	}
	sum := m.Sum
	m.Sum = 0
	if sum != 0 && sum != jsonSum(m) {
		return meta{}, errBroken
	}
	return m, nil
}

// jsonSum is the checksum of v as JSON: a flipped bit in a number or an id still is good JSON.
func jsonSum(v any) uint32 {
	data, _ := json.Marshal(v) // numbers and strings: it never fails
	return crc32.Checksum(data, castagnoli)
}

func writeMeta(fsys durable.FS, dir string, m meta) error {
	m.Sum = 0
	m.Sum = jsonSum(m)
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return durable.WriteFile(fsys, filepath.Join(dir, metaName), append(data, '\n'), 0o600)
}

// rebuildMeta reads off the heads of the segments, oldest first, what log.json said.
func rebuildMeta(segments []*segment) (meta, bool) {
	m := meta{Format: format}
	for _, s := range segments {
		if s.id == "" || s.id == m.ID {
			continue
		}
		if m.ID != "" {
			m.Lineage = append(m.Lineage, Ancestor{ID: m.ID, Last: s.first - 1})
		}
		m.ID = s.id
	}
	return m, m.ID != ""
}

// mark is end.json: everything up to Last is known to be durable. It lags behind; without it a damaged last write of
// a log that was stopped in good order would pass for one that was torn by a crash.
type mark struct {
	Last uint64 `json:"last"`
	Sum  uint32 `json:"crc32c,omitempty"` // of the JSON without it; 0 is not checked
}

// readMark gives 0 where there is no mark or it is damaged: it is a help, not a need.
func readMark(fsys durable.FS, dir string) (uint64, error) {
	data, err := durable.ReadFile(fsys, filepath.Join(dir, markName))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil && durable.Unreadable(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var m mark
	if json.Unmarshal(bytes.TrimSpace(data), &m) != nil || m.Sum != 0 && m.Sum != jsonSum(mark{Last: m.Last}) {
		return 0, nil
	}
	return m.Last, nil
}

func writeMark(fsys durable.FS, dir string, last uint64) error {
	data, err := json.Marshal(mark{Last: last, Sum: jsonSum(mark{Last: last})})
	if err != nil {
		return err
	}
	return durable.WriteFile(fsys, filepath.Join(dir, markName), append(data, '\n'), 0o600)
}

// Adopt gives the log in dir a new id and records the old one as its ancestor: positions of the old one up to the end
// stay valid, and those beyond are answered with a gap. It is the cure for CodeLogAhead after a backup was restored. The
// log must not be open: it fails with CodeLocked.
func Adopt(dir string, o Options) (Info, error) {
	o = o.withDefaults()
	if _, err := readMeta(o.FS, dir); errors.Is(err, fs.ErrNotExist) {
		return Info{}, fedmsg.WrapError(fedmsg.CodeNotFound, err, "there is no log to adopt in %s", dir)
	}
	o.Pins = nil // the positions ahead are the reason to adopt
	l, err := Open(dir, o)
	if err != nil {
		return Info{}, err
	}
	m := meta{Format: format, ID: newLogID(), Lineage: append(l.meta.Lineage[:len(l.meta.Lineage):len(l.meta.Lineage)], Ancestor{ID: l.meta.ID, Last: l.Info().Last})}
	info := l.Info()
	info.ID, info.Lineage = m.ID, m.Lineage
	if err := writeMeta(o.FS, dir, m); err != nil {
		return Info{}, errors.Join(fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot write the new id of the log in %s", dir), l.Close())
	}
	return info, l.Close()
}
