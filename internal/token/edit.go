package token

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/durable"
)

// Add writes one more token into the file at path, which is made if there is none. A name that is taken is refused.
func Add(path string, t Token) error {
	return edit(path, func(tokens []Token) ([]Token, error) {
		if find(tokens, t.Name) >= 0 {
			return nil, fedmsg.Errorf(fedmsg.CodeUsage, "there is a token %s already; revoke it first, or choose another name", t.Name)
		}
		if len(tokens) >= maxTokens {
			return nil, fedmsg.Errorf(fedmsg.CodeUsage, "there are %d tokens, which is as many as are allowed; revoke some", len(tokens))
		}
		return append(tokens, t), nil
	})
}

// Revoke takes the token of this name out of the file at path. A name that is not there is CodeNotFound.
func Revoke(path, name string) error {
	return edit(path, func(tokens []Token) ([]Token, error) {
		i := find(tokens, name)
		if i < 0 {
			return nil, fedmsg.Errorf(fedmsg.CodeNotFound, "there is no token %q in %s; see `fedmsg token ls`", name, path)
		}
		return slices.Delete(tokens, i, i+1), nil
	})
}

func find(tokens []Token, name string) int {
	return slices.IndexFunc(tokens, func(t Token) bool { return t.Name == name })
}

// edit replaces the tokens by what change makes of them, alone among all editors.
func edit(path string, change func([]Token) ([]Token, error)) error {
	unlock, err := lock(path)
	if err != nil {
		return err
	}
	defer unlock()
	tokens, err := Read(path)
	if err != nil {
		return err
	}
	if tokens, err = change(tokens); err != nil {
		return err
	}
	data, err := json.MarshalIndent(file{Format: fileFormat, Tokens: tokens}, "", "  ")
	if err == nil {
		err = replace(path, append(data, '\n'))
	}
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot write %s", path)
	}
	return nil
}

// lock waits for the lock of all editors, a file beside the tokens: their own is replaced by each edit.
func lock(path string) (unlock func(), err error) {
	name := filepath.Join(filepath.Dir(path), ".tokens.lock")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot write beside %s; run as its owner, or name another state directory by --state", path)
	}
	if err := durable.GiveToOwner(filepath.Dir(path), f.Chown); err != nil {
		f.Close()
		return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot give %s to the owner of its directory", name)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot lock %s", name)
		}
	}
}

// replace writes the file as a whole or not at all, also at a power cut. The new file belongs to the owner of its
// directory, so that a node that runs as another user can still read it after root has edited it.
func replace(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".tokens-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, durable.GiveToOwner(dir, f.Chown), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	return durable.OS{}.SyncDir(dir)
}
