package deliver

import (
	"math"

	"github.com/federated-messaging/fedmsg"
)

// lineage says which entries of other logs are this log's too: those up to where it went on from them. What a sink wrote down before
// `fedmsg log adopt` holds of them.
type lineage struct {
	own    fedmsg.LogID
	before map[fedmsg.LogID]uint64 // the last number of each log that this one went on from
}

// limit gives up to which number the entries of a log are this one's; 0 is none.
func (l *lineage) limit(log fedmsg.LogID) uint64 {
	if log == l.own {
		return math.MaxUint64
	}
	return l.before[log]
}

// here gives the position that an entry has in this log; one that is not in it keeps its own.
func (l *lineage) here(p fedmsg.Position) fedmsg.Position {
	if limit := l.limit(p.Log); limit > 0 && p.Seq <= limit {
		p.Log = l.own
	}
	return p
}
