package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/redact"
)

// Redactor erases messages for operators.
type Redactor interface {
	// Redact publishes that a message is redacted, and gives the position of that. It returns when all but the archive has erased it, or
	// with CodeUnavailable and the position when ctx ends before: then it will be erased.
	Redact(ctx context.Context, from fedmsg.Sender, r archive.Redaction) (fedmsg.Position, error)
	// Redaction tells who redacted the message with an id, and why, if somebody did.
	Redaction(id string) (archive.Redaction, bool)
}

// redactTime is how long an answer to a redaction may take. What is not erased by then will be.
const redactTime = 30 * time.Second

// redactRequest is the body of POST /v1/redactions.
type redactRequest struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
	DryRun bool   `json:"dry_run"` // nothing is erased: the answer says what would be
}

// redactAnswer says what became of a message, or would become of it.
type redactAnswer struct {
	Redaction archive.Redaction `json:"redaction"`
	Topic     string            `json:"topic"`
	Message   fedmsg.Position   `json:"message,omitzero"` // where it is in the log, if it is
	Entry     fedmsg.Position   `json:"entry,omitzero"`   // where the log says that it is redacted; absent where nothing was published
	Log       redactState       `json:"log"`
	Archive   redactState       `json:"archive"`
	Already   bool              `json:"already,omitempty"` // it was redacted before, and what was said then stands in redaction
	DryRun    bool              `json:"dry_run,omitempty"`
	Pending   string            `json:"pending,omitempty"` // why something is not erased yet
}

// redactState is what one place has of a message.
type redactState string

const (
	redactAbsent  redactState = "absent"  // nothing
	redactPresent redactState = "present" // all of it
	redactPending redactState = "pending" // all of it, and it will be erased
	redactErased  redactState = "erased"  // what is left of it
)

// handleRedact erases a message, and answers when log and archive have, or with 202 where they have not in time.
func (s *Server) handleRedact(w http.ResponseWriter, r *http.Request, id identity) {
	answer, err := s.redact(w, r, &id)
	if err != nil {
		s.report(err)
		refuse(w, r, err)
		return
	}
	status := http.StatusOK
	if answer.Pending != "" {
		status = http.StatusAccepted
	}
	s.encode(w, status, answer)
}

func (s *Server) redact(w http.ResponseWriter, r *http.Request, id *identity) (*redactAnswer, error) {
	if s.deps.Redactor == nil {
		return nil, fedmsg.Errorf(fedmsg.CodeNotFound, "this node redacts nothing")
	}
	q, err := s.redactRequest(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := s.waiting(w, r, redactTime)
	defer cancel()
	a, err := s.redactTarget(r, id, q.ID)
	if err != nil || q.DryRun && !a.Already {
		if a != nil {
			a.DryRun, a.Redaction.Reason, a.Redaction.By = true, q.Reason, id.sender.String()
		}
		return a, err
	}
	if !a.Already {
		a.Redaction.Reason, a.Redaction.By, a.Redaction.At = q.Reason, id.sender.String(), time.Now().UTC().Truncate(time.Microsecond)
		a.Entry, err = s.deps.Redactor.Redact(ctx, id.sender, a.Redaction)
		if err != nil && a.Entry.IsZero() {
			return nil, err
		}
	}
	s.redacted(ctx, a, err)
	return a, nil
}

// redacted says how far a redaction that was published is. Failed says why the log has not done its part.
func (s *Server) redacted(ctx context.Context, a *redactAnswer, failed error) {
	if failed != nil {
		_, a.Pending = fedmsg.Public(failed)
		a.Log = pendingOf(a.Log)
	} else if a.Log == redactPresent {
		a.Log = redactErased
	}
	if a.Archive != redactPresent {
		return
	}
	if failed == nil && !a.Entry.IsZero() {
		if failed = s.deps.Archive.Await(ctx, a.Entry); failed == nil {
			a.Archive = redactErased
			return
		}
		_, a.Pending = fedmsg.Public(failed)
	}
	a.Archive = redactPending
	if a.Pending == "" {
		a.Pending = "the archive has not come to it yet"
	}
}

func pendingOf(s redactState) redactState {
	if s == redactPresent {
		return redactPending
	}
	return s
}

func (s *Server) redactRequest(r *http.Request) (q redactRequest, err error) {
	if lines, err := publishType(r); err != nil || lines {
		return q, fedmsg.Errorf(fedmsg.CodeBadMediaType, "a redaction is sent as application/json")
	}
	body, err := s.readBody(r, new([]byte))
	if err != nil {
		return q, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil || !atEnd(d) || q.ID == "" {
		return q, fedmsg.Errorf(fedmsg.CodeBadJSON, `a redaction is {"id","reason"}, and with "dry_run":true it erases nothing`)
	}
	return q, redact.ValidateReason(q.Reason)
}

func atEnd(d *json.Decoder) bool {
	_, err := d.Token()
	return err == io.EOF
}

// redactTarget finds the message in the log and in the archive.
func (s *Server) redactTarget(r *http.Request, id *identity, want string) (*redactAnswer, error) {
	a := &redactAnswer{Log: redactAbsent, Archive: redactAbsent}
	a.Redaction.ID = want
	entry, found, err := s.deps.Log.Find(want)
	if err != nil {
		return nil, err
	}
	if found {
		a.Message, a.Log = entry.Position, a.note(&entry)
	}
	// Everything of the archive is looked at, whatever the operator's token may read.
	row, archived, err := s.findArchived(r, want, &identity{read: everything(), sender: id.sender, local: true})
	if err != nil && !found {
		return nil, err
	}
	switch {
	case archived:
		a.Archive = a.note(&row.Entry)
	case s.deps.Archive != nil: // it may be on its way there, or the archive cannot be asked now
		a.Archive = redactPresent
		if !found {
			a.Archive = redactAbsent
		}
	}
	if !found && !archived {
		return nil, fedmsg.Errorf(fedmsg.CodeNotFound, "there is no message with the id %q here; it was never stored, or retention has removed it", clip(want))
	}
	if redact.IsTopic(a.Topic) {
		return nil, fedmsg.Errorf(fedmsg.CodeForbidden, "the message %q says that another one was redacted, and stays: other nodes learn it from there", clip(want))
	}
	if told, ok := s.deps.Redactor.Redaction(want); ok {
		a.Redaction, a.Already = told, true
	}
	return a, nil
}

// note takes from an entry what the redaction says of it.
func (a *redactAnswer) note(e *fedmsg.Entry) redactState {
	a.Topic = e.Topic
	if e.Redacted {
		return redactErased
	}
	a.Redaction.SHA256 = redact.Sum(e.Envelope)
	return redactPresent
}

func everything() []fedmsg.Pattern { return []fedmsg.Pattern{fedmsg.MatchAll()} }

// redaction tells who erased an entry, and why, where it was erased and that is known.
func (s *Server) redaction(e *fedmsg.Entry) *archive.Redaction {
	if !e.Redacted || !s.isRedacted(e.ID) {
		return nil
	}
	told, _ := s.deps.Redactor.Redaction(e.ID)
	return &told
}

// isRedacted reports whether the message with an id was redacted here.
func (s *Server) isRedacted(id string) bool {
	if s.deps.Redactor == nil {
		return false
	}
	_, ok := s.deps.Redactor.Redaction(id)
	return ok
}
