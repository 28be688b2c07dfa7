package httpapi

import (
	"net/http"

	"github.com/federated-messaging/fedmsg"
)

// handleConfig tells the operator what the node was started with.
func (s *Server) handleConfig(w http.ResponseWriter, r *http.Request, _ identity) {
	if s.deps.Started == nil {
		refuse(w, r, fedmsg.Errorf(fedmsg.CodeNotFound, "this node does not tell what it was started with"))
		return
	}
	s.encode(w, http.StatusOK, s.deps.Started)
}

// handleStreams lists who follows the log, and how far each is.
func (s *Server) handleStreams(w http.ResponseWriter, _ *http.Request, _ identity) {
	all := s.streams.list()
	if s.deps.Subscribers != nil {
		all = append(all, s.deps.Subscribers()...)
	}
	s.encode(w, http.StatusOK, struct {
		Streams []StreamStatus `json:"streams"`
	}{all})
}
