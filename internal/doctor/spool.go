package doctor

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/spool"
)

const (
	// spoolLate is how many times longer than the node's interval something may lie in its spool.
	spoolLate = 10
	// spoolFull is how full a spool may be for one user.
	spoolFull = 0.8
)

// spools says what waits in the spools of the machine and of this user.
func (s *Subject) spools(n *node) func(context.Context) []Finding {
	return func(context.Context) []Finding {
		c := &s.Loaded.Config
		dirs := []string{c.Spool.Directory}
		if s.Spool != "" && filepath.Clean(s.Spool) != filepath.Clean(c.Spool.Directory) {
			dirs = append(dirs, s.Spool)
		}
		var all []Finding
		for _, dir := range dirs {
			if dir != "" {
				all = append(all, s.spooled(dir, n.running)...)
			}
		}
		if len(all) == 0 {
			return []Finding{ok("spool.directory", "no spool is fetched, and this user has none")}
		}
		return all
	}
}

// spooled looks into one spool.
func (s *Subject) spooled(dir string, running bool) []Finding {
	v, err := spool.New(dir, spool.Options{}).Survey()
	if fedmsg.CodeOf(err) == fedmsg.CodeForbidden {
		return []Finding{warning(dir, "this user may not list it", "run this as root or as the user that the node runs as")}
	}
	if err != nil {
		return []Finding{unreadable(dir, err)}
	}
	age := s.Now().Sub(v.Oldest).Round(time.Second)
	late := max(time.Minute, spoolLate*s.Loaded.Config.Spool.Interval)
	f := ok(dir, "nothing waits in it")
	switch {
	case v.Files > 0 && !running:
		f = warning(dir, fmt.Sprintf("%d messages wait for a node, the oldest for %s", v.Files, age), "start the node, which fetches them: `systemctl start fedmsg`")
	case v.Files > 0 && age > late:
		f = warning(dir, fmt.Sprintf("%d messages wait, the oldest for %s, though the node runs", v.Files, age), "`journalctl -u fedmsg` says why the node does not fetch them; the directory must belong to the node's user, and be its spool.directory")
	case v.Files > 0:
		f = ok(dir, "%d messages wait, the oldest for %s", v.Files, age)
	}
	if v.Fullest >= spoolFull {
		f.Status = ops.Failed
		f.Text += fmt.Sprintf("; for one user it is %d %% full, and then publishing fails", int(100*v.Fullest))
		f.Cure = "have a node fetch them, soon: start it, or see why it does not"
	}
	all := []Finding{f}
	if v.Rejected > 0 {
		all = append(all, warning(filepath.Join(dir, "rejected"), fmt.Sprintf("%d messages lie there that the node refused for good", v.Rejected), "beside each stands why, in NAME.reason; publish them anew where that is mended, and remove the files"))
	}
	return all
}
