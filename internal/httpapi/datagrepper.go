package httpapi

import (
	"context"
	"net/http"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/datagrepper"
)

// handleDatagrepper answers as the old archive's HTTP service did.
func (s *Server) handleDatagrepper(w http.ResponseWriter, r *http.Request, id identity) {
	ctx, cancel := s.asking(r, archiveTime)
	defer cancel()
	h := datagrepper.Handler{Report: s.report, Searcher: func(ctx context.Context) (*archive.Searcher, func(), error) {
		return s.searcher(ctx, fedmsg.Position{})
	}}
	h.Serve(w, r.WithContext(ctx), id.read)
}
