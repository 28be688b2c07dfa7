package archive

import (
	"context"
	"slices"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/filter"
)

// Number gives about how many rows there are that a reader with the topics of scope may have.
func (s *Searcher) Number(ctx context.Context, scope []fedmsg.Pattern) (int64, error) {
	if slices.ContainsFunc(scope, isAll) {
		extent, err := s.store.Extent(ctx)
		return extent.Rows, ended(ctx, err)
	}
	topics, err := s.store.Topics(ctx)
	if err != nil {
		return 0, ended(ctx, err)
	}
	may, n := filter.Filter{Scope: scope}, int64(0)
	for topic, rows := range topics.All() {
		if may.Match(topic) {
			n += rows
		}
	}
	return n, nil
}
