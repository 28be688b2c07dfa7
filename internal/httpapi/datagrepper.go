package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/datagrepper"
)

// countTime is for counting what lies behind a page of the old archive's form, which always tells how many there are in all.
const countTime = 250 * time.Millisecond

// handleDatagrepper answers as the old archive's HTTP service did.
func (s *Server) handleDatagrepper(w http.ResponseWriter, r *http.Request, id identity) {
	ctx, cancel := s.asking(r, archiveTime)
	defer cancel()
	h := datagrepper.Handler{Report: s.report, CountTime: countTime, Searcher: func(ctx context.Context) (*archive.Searcher, func(), error) {
		return s.searcher(ctx, fedmsg.Position{})
	}}
	h.Serve(w, r.WithContext(ctx), id.read)
}
