package archiver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// Ledger knows what was redacted here; a *redact.Ledger is one.
type Ledger interface {
	// Add writes a redaction down durably, unless it is known.
	Add(r archive.Redaction) error
	// Has reports whether a message with an id was redacted, whatever its envelope.
	Has(id string) bool
	// Find gives what is known of the redaction of the envelope with this id and SHA-256.
	Find(id, sum string) (archive.Redaction, bool)
	// All gives every redaction. It is nobody's to change.
	All() []archive.Redaction
}

// redact erases a message, which may be in the batch. It is written down first: where the message comes behind its redaction, or is
// read from memory before the log has erased it, it must not come into the store.
func (a *Archiver) redact(ctx context.Context, r archive.Redaction) error {
	if err := a.put(ctx); err != nil {
		return err
	}
	row, there, err := a.writer.ByID(ctx, r.ID)
	if err != nil {
		return a.lose(err)
	}
	e := row.Entry
	if !there {
		if e, there, err = a.deps.Log.Find(r.ID); err != nil {
			return err
		}
	}
	if there && a.isAnother(&e, &r) {
		a.deps.Logger.Warn("a redaction is not carried out: the archive has another message of that id, or one that tells of a redaction itself", "id", r.ID, "by", r.By)
		return nil
	}
	if err := a.deps.Ledger.Add(r); err != nil {
		return err
	}
	return a.erase(ctx, r)
}

// erase erases what the store has of a message.
func (a *Archiver) erase(ctx context.Context, r archive.Redaction) error {
	there, err := a.writer.Redact(ctx, r)
	a.unfinished = nil
	if errors.Is(err, archive.ErrInUse) {
		a.unfinished = &r
	}
	if err != nil {
		return a.lose(err)
	}
	a.deps.Logger.Info("a message was erased from the archive", "id", r.ID, "by", r.By, "there", there)
	return nil
}

// isAnother reports whether what is under the id of a redaction is another message than the one that is meant: another envelope, or
// one that is itself a redaction.
func (a *Archiver) isAnother(e *fedmsg.Entry, r *archive.Redaction) bool {
	if e.Redacted {
		return false
	}
	if _, told := a.deps.Redaction(e); told {
		return true
	}
	return sumIn(e) != r.SHA256
}

func sumIn(e *fedmsg.Entry) string {
	sum := sha256.Sum256(e.Envelope)
	return hex.EncodeToString(sum[:])
}

// sweep erases what a store that was just opened has of all that was redacted: it may be older than the redactions, as when its file
// was put back from a backup, and the log may have forgotten them.
func (a *Archiver) sweep(ctx context.Context) error {
	if a.deps.Redaction == nil || a.swept == a.writer {
		return nil
	}
	if r := a.unfinished; r != nil { // its row does not show it
		if err := a.erase(ctx, *r); err != nil {
			return err
		}
	}
	for _, r := range a.deps.Ledger.All() {
		row, there, err := a.writer.ByID(ctx, r.ID)
		if err != nil {
			return a.lose(err)
		}
		if !there || row.Redaction != nil || a.isAnother(&row.Entry, &r) {
			continue
		}
		if err := a.erase(ctx, r); err != nil {
			return err
		}
	}
	a.swept = a.writer
	return nil
}

// known gives the redaction of an entry whose payload is to be kept from the store.
func (a *Archiver) known(e *fedmsg.Entry) (archive.Redaction, bool) {
	if a.deps.Redaction == nil || e.Redacted {
		return archive.Redaction{}, false
	}
	// Few ids are redacted: the SHA-256 is worked out for those only.
	if !a.deps.Ledger.Has(e.ID) {
		return archive.Redaction{}, false
	}
	return a.deps.Ledger.Find(e.ID, sumIn(e))
}

// left is what stays of an entry whose payload is erased.
func left(e *fedmsg.Entry) *fedmsg.Entry {
	return &fedmsg.Entry{Position: e.Position, Received: e.Received, ID: e.ID, Topic: e.Topic, Redacted: true}
}
