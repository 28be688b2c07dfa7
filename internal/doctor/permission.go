package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/internal/sign"
)

// guarded is a file or directory, and who may do nothing with it.
type guarded struct {
	key  string
	path string
	bad  fs.FileMode // bits of which it must have none
	mode string      // what it should be, for chmod
	must bool        // it has to be there
}

// permissions says which secrets others may read, and which files of the configuration others may write.
func (s *Subject) permissions(context.Context) []Finding {
	all := s.owner()
	good := 0
	for _, g := range s.guarded() {
		f, told := g.look()
		if told {
			all = append(all, f)
			continue
		}
		good++
	}
	if len(all) == 0 {
		return []Finding{ok("state, keys, tokens, credentials, configuration", "%d files and directories have the right permissions", good)}
	}
	return all
}

// owner says whether the state directory, and what lies in it, belongs to one user, who is the one that asks. Root may ask for others.
func (s *Subject) owner() []Finding {
	state := s.Loaded.Config.State
	owner, known := ownerOf(state)
	me := os.Getuid()
	looked := "state (" + state + ")"
	if known && me != 0 && owner != me {
		return []Finding{warning(looked, fmt.Sprintf("it belongs to uid %d, so that a node of this user, uid %d, cannot write there", owner, me),
			fmt.Sprintf("run this as root or as uid %d; if the node is to run as this user, have root `chown -R %d %s`", owner, me, state))}
	}
	entries, err := os.ReadDir(state) // of one that cannot be read the next check tells
	if err != nil || !known {
		return nil
	}
	for _, e := range entries {
		if other, known := ownerOf(filepath.Join(state, e.Name())); known && other != owner {
			return []Finding{failed(looked, fmt.Sprintf("it belongs to uid %d, and %s in it to uid %d, so that the node cannot write there", owner, e.Name(), other), fmt.Sprintf("`chown -R %d %s`", owner, state))}
		}
	}
	return nil
}

// ownerOf is the user that a file belongs to, if it is there.
func ownerOf(path string) (uid int, known bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}

func (s *Subject) guarded() (all []guarded) {
	const secret, public = 0o077, 0o022
	c := &s.Loaded.Config
	add := func(key, path string, bad fs.FileMode, mode string, must bool) {
		if path != "" {
			all = append(all, guarded{key, path, bad, mode, must})
		}
	}
	add("state", c.State, secret, "700", false)
	add("tokens", daemon.TokensFile(c.State), secret, "600", false)
	own, _ := sign.KeyFiles(daemon.KeysDir(c.State)) // where there are none, the node makes one
	for _, path := range own {
		add("the node's key", path, secret, "600", false)
	}
	for _, f := range c.NamedFiles() {
		switch f.Kind {
		case config.Secret:
			add(f.Key, f.Path, secret, "600", true)
		case config.SharedSecret:
			add(f.Key, f.Path, 0o007, "640", true)
		case config.Authorities, config.Trusted: // others look whether they are there
			add(f.Key, f.Path, public, "go-w", false)
		case config.OwnCertificate: // which everybody may know, and nobody can forge
		}
	}
	for _, path := range s.Loaded.Files {
		add("configuration", path, public, "640", false)
	}
	return all
}

// look judges one file; told is whether there is anything to say.
func (g *guarded) look() (f Finding, told bool) {
	looked := g.key + " (" + g.path + ")"
	info, err := os.Stat(g.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !g.must:
		return f, false
	case err != nil:
		return unreadable(looked, err), true
	case info.Mode().Perm()&g.bad == 0:
		return f, false
	}
	what := "others may read it"
	if g.bad&0o044 == 0 {
		what = "others may write it"
	}
	return failed(looked, fmt.Sprintf("%s: its mode is %04o", what, info.Mode().Perm()), "`chmod "+g.mode+" "+g.path+"`"), true
}

// unreadable tells of a file that cannot be looked at.
func unreadable(looked string, err error) Finding {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return warning(looked, "this user may not look at it", "run this as root or as the user that the node runs as")
	case errors.Is(err, fs.ErrNotExist):
		return failed(looked, "it is not there", "put it there, or take it out of the configuration")
	}
	return failed(looked, "it cannot be looked at: "+err.Error(), "look after the disk or the file's permissions")
}
