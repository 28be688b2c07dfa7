package httpapi

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// handleMessage gives the entry with an id, and to those who said who they are how far each sink is with it. One that the reader may
// not know of does not exist for it.
func (s *Server) handleMessage(w http.ResponseWriter, r *http.Request, id identity) {
	if err := s.answerMessage(w, r, &id); err != nil {
		s.report(err)
		writeError(w, err)
	}
}

func (s *Server) answerMessage(w http.ResponseWriter, r *http.Request, id *identity) error {
	entry, err := s.find(r.PathValue("id"), *id)
	if fedmsg.CodeOf(err) == fedmsg.CodeNotFound {
		row, found, archiveErr := s.findArchived(r, r.PathValue("id"), id)
		switch {
		case archiveErr != nil:
			return archiveErr
		case found:
			return writeRow(w, &row)
		}
	}
	if err != nil {
		return err
	}
	b, err := appendRow(make([]byte, 0, len(entry.Envelope)+512), &archive.Row{Entry: *entry, Redaction: s.redaction(entry)})
	if err != nil {
		return err
	}
	if s.deps.Sinks != nil && id.identified() {
		if b, err = appendSinks(b, id.told(s.deps.Sinks.Deliveries(entry))); err != nil {
			return err
		}
	}
	writeJSON(w, http.StatusOK, append(b, '\n'))
	return nil
}

// find gives the entry with an id, if there is one that the reader may know of.
func (s *Server) find(want string, id identity) (*fedmsg.Entry, error) {
	entry, found, err := s.deps.Log.Find(want)
	if err == nil && (!found || !id.mayRead(entry.Topic)) {
		err = fedmsg.Errorf(fedmsg.CodeNotFound, "there is no message with the id %q here; it was never stored, retention has removed it, or you may not read its topic", clip(want))
	}
	return &entry, err
}

// logJSON is the answer of GET /v1/log. The times are absent while the log is empty.
type logJSON struct {
	ID     fedmsg.LogID `json:"id"`
	First  uint64       `json:"first"`
	Last   uint64       `json:"last"`
	Bytes  int64        `json:"bytes"`
	Oldest *time.Time   `json:"oldest"`
	Newest *time.Time   `json:"newest"`
}

// handleLog describes the log.
func (s *Server) handleLog(w http.ResponseWriter, _ *http.Request, _ identity) {
	info := s.deps.Log.Info()
	answer := logJSON{ID: info.ID, First: info.First, Last: info.Last, Bytes: info.Bytes}
	if !info.Oldest.IsZero() {
		answer.Oldest, answer.Newest = &info.Oldest, &info.Newest
	}
	s.encode(w, http.StatusOK, answer)
}

// handleHealth says whether all is well. What exactly is not is shown to readers only.
func (s *Server) handleHealth(w http.ResponseWriter, _ *http.Request, id identity) {
	report, ok := any(nil), true
	if s.deps.Health != nil {
		report, ok = s.deps.Health()
	}
	status, word := http.StatusOK, "ok"
	if !ok {
		status, word = http.StatusServiceUnavailable, "failed"
	}
	if report == nil || len(id.read) == 0 {
		report = map[string]string{"status": word}
	}
	s.encode(w, status, report)
}

// handleReady says whether the node takes messages.
func (s *Server) handleReady(w http.ResponseWriter, _ *http.Request, _ identity) {
	if s.deps.Ready != nil {
		if err := s.deps.Ready(); err != nil {
			if fedmsg.CodeOf(err).HTTPStatus() != http.StatusServiceUnavailable {
				_, why := fedmsg.Public(err)
				err = fedmsg.Errorf(fedmsg.CodeUnavailable, "the node does not take messages now: %s", why)
			}
			writeError(w, err)
			return
		}
	}
	writeJSON(w, http.StatusOK, []byte(`{"status":"ready"}`+"\n"))
}

// handleMetrics shows the node's metrics to Prometheus.
func (s *Server) handleMetrics(w http.ResponseWriter, r *http.Request, _ identity) {
	if s.deps.Metrics == nil {
		writeError(w, fedmsg.Errorf(fedmsg.CodeNotFound, "this node has no metrics"))
		return
	}
	s.deps.Metrics.ServeHTTP(w, r)
}

// profile shows the inside of the process; the table lets only the unix socket come here. A profile takes as long as was
// asked for, so the time to answer is not bounded.
func (s *Server) profile(h http.HandlerFunc) func(http.ResponseWriter, *http.Request, identity) {
	return func(w http.ResponseWriter, r *http.Request, _ identity) {
		http.NewResponseController(w).SetWriteDeadline(time.Time{})
		h(w, r)
	}
}

// encode answers with a value in JSON.
func (s *Server) encode(w http.ResponseWriter, status int, value any) {
	b, err := json.Marshal(value)
	if err != nil {
		err = fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot encode the answer")
		s.report(err)
		writeError(w, err)
		return
	}
	writeJSON(w, status, append(b, '\n'))
}
