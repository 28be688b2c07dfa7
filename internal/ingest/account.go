package ingest

import (
	"os/user"
)

// Account is what the system knows of a uid.
type Account struct {
	Name   string   // empty when the uid has no account
	Groups []string // names of the groups it is in, its primary one included
}

// SystemAccount asks the operating system for the account of a uid. A program that was built without cgo reads /etc/passwd
// and /etc/group: users and groups that only a directory service knows have no account there, and so no rights by group.
func SystemAccount(uid string) Account {
	u, err := user.LookupId(uid)
	if err != nil {
		return Account{}
	}
	a := Account{Name: u.Username}
	ids, err := u.GroupIds()
	if err != nil {
		ids = []string{u.Gid}
	}
	for _, id := range ids {
		if g, err := user.LookupGroupId(id); err == nil {
			a.Groups = append(a.Groups, g.Name)
		}
	}
	return a
}
