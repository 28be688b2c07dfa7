package seqid

import (
	"encoding/json"
	"errors"
	"hash/crc32"
	"io/fs"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// mark is what the file says: up to the entry Seq of a log, the last number was Last. The zero mark knows nothing.
type mark struct {
	Log  fedmsg.LogID `json:"log"`
	Seq  uint64       `json:"seq"`
	Last uint64       `json:"last"`
	Sum  uint32       `json:"crc32c"` // of the JSON without it; 0 but in the file
}

// sum is the checksum of a mark: a flipped bit in a number still is good JSON.
func (m mark) sum() uint32 {
	m.Sum = 0
	text, _ := json.Marshal(m) // numbers and strings: it never fails
	return crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli))
}

func (m mark) write(fsys durable.FS, path string) error {
	m.Sum = m.sum()
	text, err := json.Marshal(m)
	if err == nil {
		err = durable.WriteFile(fsys, path, append(text, '\n'), 0o600)
	}
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot write up to where messages are numbered, into %s", path)
	}
	return nil
}

// readMark reads the file, which need not be there.
func readMark(fsys durable.FS, path string) (mark, error) {
	text, err := durable.ReadFile(fsys, path)
	if errors.Is(err, fs.ErrNotExist) {
		return mark{}, nil
	}
	var m mark
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err == nil && m.Sum != m.sum() {
		err = errors.New("the checksum is wrong")
	}
	if err != nil {
		return mark{}, fedmsg.WrapError(fedmsg.CodeDamaged, err, "cannot read up to where messages are numbered, in %s; restore the file, or remove it if the log still has the messages that were numbered last", path)
	}
	m.Sum = 0
	return m, nil
}
