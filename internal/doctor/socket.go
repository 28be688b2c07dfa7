package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// nodeGroup is the group whose members may publish on a machine's node.
const nodeGroup = "fedmsg"

// socket says whether those who are meant to can connect to the local socket.
func (s *Subject) socket(context.Context) []Finding {
	uri := s.Loaded.Config.HTTP.Socket
	if uri == "" {
		return []Finding{ok("http.socket", "there is no local socket")}
	}
	plain, query, _ := strings.Cut(strings.TrimPrefix(uri, "unix://"), "?")
	path, err := url.PathUnescape(plain)
	if err != nil || strings.HasPrefix(uri, "/") {
		path = plain
	}
	looked := "http.socket (" + path + ")"
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{ok(looked, "there is none, which is right while no node runs")}
	case err != nil:
		return []Finding{unreadable(looked, err)}
	case info.Mode()&fs.ModeSocket == 0:
		return []Finding{failed(looked, "it is no socket, so that the node cannot listen there", "remove it, or choose another path with http.socket")}
	}
	group := nodeGroup
	if options, err := url.ParseQuery(query); err == nil && options.Has("group") {
		group = options.Get("group")
	}
	return []Finding{ofSocket(looked, path, info, group)}
}

// ofSocket judges a socket that a group is to reach.
func ofSocket(looked, path string, info fs.FileInfo, group string) Finding {
	gid, known := lookup(group)
	if !known {
		return ok(looked, "its mode is %04o; this machine has no group %s, so it is the owner's", info.Mode().Perm(), group)
	}
	st, _ := info.Sys().(*syscall.Stat_t)
	all := info.Mode().Perm()&0o006 == 0o006
	switch {
	case st == nil || all:
	case int(st.Gid) != gid:
		return warning(looked, fmt.Sprintf("it belongs to group %d and not to %s, whose members cannot publish", st.Gid, group), "add group="+group+" to http.socket, or to the service's unit, and restart the node")
	case info.Mode().Perm()&0o060 != 0o060:
		return warning(looked, fmt.Sprintf("its mode is %04o, so that the group %s cannot publish", info.Mode().Perm(), group), "take mode= out of http.socket, and restart the node")
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		above, err := os.Stat(dir)
		if err != nil {
			return unreadable(looked, err)
		}
		st, _ := above.Sys().(*syscall.Stat_t)
		through := above.Mode().Perm()&0o001 != 0 || st != nil && int(st.Gid) == gid && above.Mode().Perm()&0o010 != 0
		if !through {
			return warning(looked, fmt.Sprintf("the group %s may not enter %s, so that its members cannot publish", group, dir), "`chmod o+x "+dir+"`, or choose another path with http.socket")
		}
		if dir == "/" || dir == "." {
			return ok(looked, "the group %s can publish", group)
		}
	}
}

// lookup gives the number of a group, by its name or number.
func lookup(group string) (gid int, known bool) {
	if n, err := strconv.Atoi(group); err == nil {
		return n, true
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(g.Gid)
	return n, err == nil
}
