package sign

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/keys"
)

// keySuffix is how the names of key files end. Other files of the directory are passed over.
const keySuffix = ".key"

// keyTime is how the names of key files begin, so that their order is that in which they were made.
const keyTime = "20060102T150405Z"

// keyNames gives the names of the keys in a directory, sorted; none where there is no directory.
func keyNames(dir string) ([]string, error) {
	names, err := durable.OS{}.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot list the keys in %s", dir)
	}
	return slices.DeleteFunc(names, func(name string) bool { return filepath.Ext(name) != keySuffix || name[0] == '.' }), nil
}

// KeyFiles lists the files of the keys in the directory of a node's keys. The first is the newest, with which the node signs. A
// directory that is not there has none.
func KeyFiles(dir string) ([]string, error) {
	names, err := keyNames(dir)
	if err != nil {
		return nil, err
	}
	slices.Reverse(names)
	for i, name := range names {
		names[i] = filepath.Join(dir, name)
	}
	return names, nil
}

// NewKey puts a key into the directory of a node's keys, which is made with mode 0700 when needed, as the newest: a running
// node signs with it from its next look on. Its file is named by the time and the key; the name comes after all others also
// when the clock was set back. The error has CodeCannotMake.
func NewKey(dir string, k *keys.Private, now time.Time) (path string, err error) {
	if err := makeDir(dir); err != nil {
		return "", fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make the directory %s for keys", dir)
	}
	names, err := keyNames(dir)
	if err != nil {
		return "", err
	}
	now = now.UTC().Truncate(time.Second)
	if len(names) > 0 {
		last := names[len(names)-1]
		stamp, _, _ := strings.Cut(strings.TrimSuffix(last, keySuffix), "-")
		before, err := time.Parse(keyTime, stamp)
		if err != nil {
			return "", fedmsg.Errorf(fedmsg.CodeCannotMake,
				"cannot add a key to %s: the last by name signs, and that would stay %s; name that file like %s-old.key, by when it was made", dir, last, keyTime)
		}
		if !now.After(before) {
			now = before.Add(time.Second)
		}
	}
	path = filepath.Join(dir, now.Format(keyTime)+"-"+k.Public().ID()[:8]+keySuffix)
	return path, k.WriteFile(path)
}

// makeDir makes a directory whose name survives a crash.
func makeDir(dir string) error {
	if err := (durable.OS{}).Mkdir(dir, 0o700); err != nil {
		return err
	}
	return durable.OS{}.SyncDir(filepath.Dir(filepath.Clean(dir)))
}
