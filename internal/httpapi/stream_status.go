package httpapi

import (
	"cmp"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// StreamStatus is what is known of one open stream now, or of a subscriber by another protocol. Fields are only ever added.
type StreamStatus struct {
	Protocol string          `json:"protocol"` // http or zeromq
	Reader   string          `json:"reader"`   // the sender that it would be if it published, as in uid:1000; empty for nobody
	Address  string          `json:"address"`  // from where it comes; empty over the unix socket
	Since    time.Time       `json:"since"`    // when it began
	Topics   []string        `json:"topics"`   // the patterns, and beginnings of topics, that it asked for; empty: all that it may have
	Position fedmsg.Position `json:"position"` // everything up to it was written to the reader, or is not wanted
	Lag      uint64          `json:"lag"`      // entries of the log behind the position, wanted or not
	Messages uint64          `json:"messages"` // written to it
	Archive  bool            `json:"archive"`  // what it is given now comes from the archive, and Position is where it goes on in the log
}

// origin is who a stream's reader is; it does not change.
type origin struct {
	reader  string // KIND:NAME, or empty
	address string // HOST:PORT, or empty
	began   time.Time
}

// originOf is who sent a request.
func originOf(r *http.Request, id *identity) origin {
	o := origin{began: time.Now()}
	if !id.sender.IsZero() {
		o.reader = id.sender.String()
	}
	if c := connOf(r); c != nil && !c.door.local {
		o.address = c.RemoteAddr().String()
	}
	return o
}

// progress is how far a stream has come. Its goroutine writes it, and any may read.
type progress struct {
	at       atomic.Uint64 // number of the last entry that was written, or passed over
	messages atomic.Uint64
	archive  atomic.Bool
}

// progress notes how far the stream has come.
func (s *stream) progress() {
	s.given.at.Store(s.cursor.Position().Seq)
	s.given.archive.Store(s.recall != nil)
}

// list gives the status of each stream, the one that began first before the others. One whose reader has left ends here, and not with
// its next heartbeat.
func (t *streams) list() []StreamStatus {
	t.mu.Lock()
	open := slices.Clone(t.open)
	t.mu.Unlock()
	last := t.deps.feed.Last()
	all := make([]StreamStatus, 0, len(open))
	for _, s := range open {
		if s.socket == nil && peerClosed(s.conn) { // of a WebSocket somebody else sees it
			s.end()
			continue
		}
		all = append(all, s.status(last))
	}
	slices.SortFunc(all, func(a, b StreamStatus) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Address, b.Address))
	})
	return all
}

// status may be called by any goroutine.
func (s *stream) status(last fedmsg.Position) StreamStatus {
	at := s.given.at.Load()
	st := StreamStatus{
		Protocol: "http", Reader: s.from.reader, Address: s.from.address, Since: s.from.began.UTC(), Topics: []string{},
		Position: fedmsg.Position{Log: last.Log, Seq: at}, Lag: last.Seq - min(at, last.Seq),
		Messages: s.given.messages.Load(), Archive: s.given.archive.Load(),
	}
	for _, p := range s.wanted.Topics {
		st.Topics = append(st.Topics, p.String())
	}
	st.Topics = append(st.Topics, s.wanted.Prefixes...)
	return st
}
