package durable

import (
	"os"
	"syscall"
)

// GiveToOwner calls chown with the owner of a directory where that is another user and this one is root: then a file that root
// makes there is to be theirs. Otherwise it does nothing.
func GiveToOwner(dir string, chown func(uid, gid int) error) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 || st.Uid == 0 {
		return nil
	}
	return chown(int(st.Uid), int(st.Gid))
}
