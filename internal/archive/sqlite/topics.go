package sqlite

import (
	"context"
	"sync"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

// topicsAge is how old numbers of rows may become that Topics gives.
const topicsAge = 10 * time.Second

// topicCounts remembers what Topics gave: to read it takes longer than the rest of most questions.
type topicCounts struct {
	mu   sync.Mutex
	all  *archive.Topics // guarded by mu
	read time.Time       // guarded by mu
}

// get gives what is remembered, unless it is too old or there are not so many topics.
func (t *topicCounts) get(topics int64) (*archive.Topics, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all, t.all != nil && int64(t.all.Len()) == topics && time.Since(t.read) < topicsAge
}

func (t *topicCounts) set(all *archive.Topics) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all, t.read = all, time.Now()
}

// Topics gives all topics and about how many rows each has. Topics are never taken out of the file, so that how many there are tells
// whether there are new ones.
func (s *Store) Topics(ctx context.Context) (topics *archive.Topics, err error) {
	err = s.snapshot(ctx, "read the archive's topics", func(c *sqlite.Conn) error {
		n, _, err := number(c, "SELECT count(*) FROM terms WHERE kind = ?", int64(archive.KindTopic))
		if err != nil {
			return err
		}
		var kept bool
		if topics, kept = s.counts.get(n); kept {
			return nil
		}
		rows := make(map[string]int64, n)
		if err := exec(c, "SELECT name, count FROM terms WHERE kind = ?", func(st *sqlite.Stmt) error {
			rows[st.ColumnText(0)] = st.ColumnInt64(1)
			return nil
		}, int64(archive.KindTopic)); err != nil {
			return err
		}
		topics = archive.NewTopics(rows)
		s.counts.set(topics)
		return nil
	})
	return topics, err
}
