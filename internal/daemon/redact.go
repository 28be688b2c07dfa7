package daemon

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/feed"
	"github.com/federated-messaging/fedmsg/internal/httpapi"
	"github.com/federated-messaging/fedmsg/internal/ingest"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/redact"
)

// RedactedFile is the file in a state directory that says which messages were redacted.
func RedactedFile(state string) string { return filepath.Join(state, "redacted.jsonl") }

// redactPlace is the name of the file of up to where the log's redactions were carried out, among those of other readers.
const redactPlace = "redact"

// redactor publishes redactions and has them carried out.
type redactor struct {
	*redact.Applier
	ledger *redact.Ledger
	door   *ingest.Door // takes redactions alone; set before anybody may ask
	topic  string
}

var _ httpapi.Redactor = (*redactor)(nil)

// redactRules says whose word erases here.
func redactRules(c *config.Config, who *authority) *redact.Rules {
	return &redact.Rules{Own: who.settings.Name, From: c.RedactFrom}
}

// newRedactor makes it; it erases nothing before its Start.
func newRedactor(c *config.Config, ledger *redact.Ledger, rules *redact.Rules, log *commitlog.Log, live *feed.Feed, door *ingest.Door, logger *slog.Logger, letters ...redact.Letters) (*redactor, error) {
	a, err := redact.New(redact.Deps{
		Log: log, Feed: live, Ledger: ledger, Rules: rules, Place: filepath.Join(ReadersDir(c.State), redactPlace), Letters: letters, Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	return &redactor{
		Applier: a, ledger: ledger, topic: redact.Topic(c.TopicPrefix, c.Environment),
		door: door.With(ingest.Passage{Sign: true, Redacts: true}),
	}, nil
}

// Redaction tells who redacted the message with an id, and why.
func (r *redactor) Redaction(id string) (archive.Redaction, bool) { return r.ledger.Get(id) }

// Redact publishes a redaction and waits until it is carried out.
func (r *redactor) Redact(ctx context.Context, from fedmsg.Sender, told archive.Redaction) (fedmsg.Position, error) {
	body, err := redact.Body(&told)
	var line []byte
	if err == nil {
		line, err = json.Marshal(map[string]any{"topic": r.topic, "msg": body})
	}
	if err != nil {
		return fedmsg.Position{}, err
	}
	out, err := r.door.Accept(ctx, from, line)
	if err == nil {
		err = out[0].Err
	}
	if err != nil {
		return fedmsg.Position{}, err
	}
	p := out[0].Receipt.Position
	return p, r.Await(ctx, p.Seq)
}

// checks says whether redactions are carried out.
func (r *redactor) checks() []ops.Check {
	if err := r.Err(); err != nil {
		_, text := fedmsg.Public(err)
		return []ops.Check{{Name: "redaction", Status: ops.Failed, Text: "a message that is to be erased is not erased yet, and is tried again: " + text}}
	}
	return []ops.Check{{Name: "redaction", Status: ops.OK, Text: "what was to be erased is erased"}}
}
