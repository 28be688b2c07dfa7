package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
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

	sums []string // SHA-256 of the envelopes that are to be erased; log and archive may have two under one id
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
	if a.Already {
		return a, nil
	}
	a.Redaction.Reason, a.Redaction.By, a.Redaction.At = q.Reason, id.sender.String(), time.Now().UTC().Truncate(time.Microsecond)
	failed := s.publishRedactions(ctx, id, a)
	if failed != nil && a.Entry.IsZero() {
		return nil, failed
	}
	if failed == nil && s.deps.Archive != nil {
		failed = s.deps.Archive.Await(ctx, a.Entry)
	}
	s.redacted(r, id, a, failed)
	return a, nil
}

// publishRedactions publishes one for each envelope. Where that fails behind the first the answer tells of those that were.
func (s *Server) publishRedactions(ctx context.Context, id *identity, a *redactAnswer) (failed error) {
	for i := len(a.sums) - 1; i >= 0; i-- { // the one that the answer tells is the last
		a.Redaction.SHA256 = a.sums[i]
		at, err := s.deps.Redactor.Redact(ctx, id.sender, a.Redaction)
		if !at.IsZero() {
			a.Entry = at
		}
		if err != nil && failed == nil {
			failed = err
		}
	}
	return failed
}

// redacted says what log and archive have now: it looks, whatever was to be expected. Failed says why not all has done its part.
func (s *Server) redacted(r *http.Request, id *identity, a *redactAnswer, failed error) {
	was := *a
	look := &redactAnswer{}
	entry, found, err := s.deps.Log.Find(a.Redaction.ID)
	a.Log = stateOf(look, &entry, found, was.Log, err, failed)
	row, found, noArchive := s.findArchived(r, a.Redaction.ID, &identity{read: everything(), sender: id.sender, local: true})
	a.Archive = stateOf(look, &row.Entry, found, was.Archive, noArchive, failed)
	for _, err := range []error{failed, err, noArchive} {
		if err != nil && a.Pending == "" {
			_, a.Pending = fedmsg.Public(err)
		}
	}
	if a.Pending == "" && (a.Log == redactPresent || a.Archive == redactPresent) {
		a.Pending = "it was not carried out; the node's own log says why"
	}
}

// stateOf is what a place has of a message behind its redaction, where it had another state before.
func stateOf(look *redactAnswer, e *fedmsg.Entry, found bool, was redactState, err, failed error) redactState {
	switch {
	case err != nil:
		return pendingOf(was)
	case found && failed == nil:
		return look.note(e)
	case found:
		return pendingOf(look.note(e))
	case failed != nil: // it may be on its way
		return pendingOf(was)
	}
	return redactAbsent
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
	return a, s.redactedBefore(a, row.Redaction, err)
}

// redactedBefore notes whether nothing is left to be erased. Where the archive cannot be asked and the log has erased the message,
// what was redacted then is redacted again.
func (s *Server) redactedBefore(a *redactAnswer, archived *archive.Redaction, noArchive error) error {
	told, known := s.deps.Redactor.Redaction(a.Redaction.ID)
	if !known && archived != nil {
		told, known = *archived, true
	}
	switch {
	case len(a.sums) > 0:
	case noArchive == nil:
		a.Already = true
		if a.Archive == redactPresent { // it is on its way there, without its payload
			a.Archive = redactErased
		}
		if known {
			a.Redaction = told
		}
		return nil
	case !known:
		return noArchive
	default:
		a.sums = []string{told.SHA256}
	}
	a.Redaction.SHA256 = a.sums[0]
	return nil
}

// note takes from an entry what the redaction says of it.
func (a *redactAnswer) note(e *fedmsg.Entry) redactState {
	a.Topic = e.Topic
	if e.Redacted {
		return redactErased
	}
	if sum := redact.Sum(e.Envelope); !slices.Contains(a.sums, sum) {
		a.sums = append(a.sums, sum)
	}
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
