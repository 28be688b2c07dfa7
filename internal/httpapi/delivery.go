package httpapi

import (
	"net/http"
	"net/url"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// handleSinks lists the sinks and how far each is.
func (s *Server) handleSinks(w http.ResponseWriter, _ *http.Request, _ identity) {
	answer := struct {
		Sinks []deliver.Status `json:"sinks"`
	}{[]deliver.Status{}}
	if s.deps.Sinks != nil {
		answer.Sinks = append(answer.Sinks, s.deps.Sinks.List()...)
	}
	s.encode(w, http.StatusOK, answer)
}

// handleSources lists the sources.
func (s *Server) handleSources(w http.ResponseWriter, _ *http.Request, _ identity) {
	answer := struct {
		Sources []receive.Status `json:"sources"`
	}{[]receive.Status{}}
	if s.deps.Sources != nil {
		answer.Sources = append(answer.Sources, s.deps.Sources.List()...)
	}
	s.encode(w, http.StatusOK, answer)
}

// handlePause stops a sink until it is resumed.
func (s *Server) handlePause(w http.ResponseWriter, r *http.Request, _ identity) {
	s.steer(w, r, func(name string) error { return s.deps.Sinks.Pause(name) })
}

// handleResume lets a sink go on.
func (s *Server) handleResume(w http.ResponseWriter, r *http.Request, _ identity) {
	s.steer(w, r, func(name string) error { return s.deps.Sinks.Resume(name) })
}

// handleRewind moves a sink to another position.
func (s *Server) handleRewind(w http.ResponseWriter, r *http.Request, _ identity) {
	s.steer(w, r, func(name string) error {
		to, err := s.rewindTo(r.URL.RawQuery)
		if err != nil {
			return err
		}
		return s.deps.Sinks.Rewind(name, to)
	})
}

// steer does something to the sink that the path names, and answers with its status behind that.
func (s *Server) steer(w http.ResponseWriter, r *http.Request, do func(name string) error) {
	name := r.PathValue("name")
	err := s.checkSinks(name)
	if err == nil {
		err = do(name)
	}
	if err != nil {
		s.report(err)
		refuse(w, r, err)
		return
	}
	for _, status := range s.deps.Sinks.List() {
		if status.Name == name {
			s.encode(w, http.StatusOK, status)
			return
		}
	}
}

// checkSinks refuses names that no sink has.
func (s *Server) checkSinks(names ...string) error {
	if s.deps.Sinks == nil {
		return fedmsg.Errorf(fedmsg.CodeNotFound, "this node has no sinks")
	}
	return s.deps.Sinks.Check(names...)
}

// rewindTo reads to=POSITION|beginning|now. A position that never was one of this log is refused: a sink that is moved to it
// would repeat everything.
func (s *Server) rewindTo(query string) (fedmsg.Position, error) {
	values, err := url.ParseQuery(query)
	if err != nil || len(values) != 1 || len(values["to"]) != 1 {
		return fedmsg.Position{}, fedmsg.Errorf(fedmsg.CodeBadRequest, "rewinding takes to=POSITION, to=beginning or to=now in the query, and nothing else")
	}
	info := s.deps.Log.Info()
	switch to := values.Get("to"); to {
	case "now":
		return fedmsg.Position{Log: info.ID, Seq: info.Last}, nil
	case "beginning":
		before := info.Last // where there is nothing
		if info.First > 0 {
			before = info.First - 1
		}
		return fedmsg.Position{Log: info.ID, Seq: before}, nil
	default:
		p, err := fedmsg.ParsePosition(to)
		if err != nil {
			return p, err
		}
		if _, gap := s.deps.Seeker.Resolve(p); gap != nil && gap.Reason != fedmsg.GapTrimmed {
			return p, fedmsg.Errorf(fedmsg.CodeBadPosition, "%s is no position in this log, which is %s and ends at %d", p, info.ID, info.Last)
		}
		return p, nil
	}
}
