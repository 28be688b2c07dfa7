package archive

import (
	"iter"

	"github.com/federated-messaging/fedmsg/internal/facts"
)

// Topics is every topic of a store and about how many rows each has, worked out once for the many questions that look through all of
// them. It is never changed, and may be used by many goroutines. A nil Topics has none.
type Topics struct {
	all        []topicRows
	rows       int64            // of all
	categories map[string]int64 // about how many rows each has
}

type topicRows struct {
	name, category string
	rows           int64
}

// NewTopics makes one of the numbers of rows by topic.
func NewTopics(rows map[string]int64) *Topics {
	t := &Topics{all: make([]topicRows, 0, len(rows)), categories: make(map[string]int64)}
	for name, n := range rows {
		category := facts.Category(name)
		t.all = append(t.all, topicRows{name, category, n})
		t.rows += n
		t.categories[category] += n
	}
	return t
}

// Len is how many there are.
func (t *Topics) Len() int {
	if t == nil {
		return 0
	}
	return len(t.all)
}

// All gives each topic with about how many rows it has, in no order.
func (t *Topics) All() iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		if t == nil {
			return
		}
		for i := range t.all {
			if !yield(t.all[i].name, t.all[i].rows) {
				return
			}
		}
	}
}
