package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/internal/redact"
)

// imported is what became of messages.
type imported struct{ Stored, Known, Redacted int }

// openKeeper changes an archive that is opened here.
type openKeeper struct {
	archive.Store
	redacted *redact.Ledger // of the node whose archive it is; nil where none is known
}

func (k *openKeeper) put(ctx context.Context, entries []fedmsg.Entry) (imported, error) {
	all := len(entries)
	if k.redacted != nil {
		entries = slices.DeleteFunc(entries, func(e fedmsg.Entry) bool { return k.redacted.Has(e.ID) })
	}
	done, err := archive.Import(ctx, k.Store, archive.Drafts(entries))
	return imported{Stored: done.Stored, Known: done.Known, Redacted: all - len(entries)}, err
}

// ledgerBeside reads what the node has redacted whose state directory an archive's file lies in; nil where it lies in none.
func ledgerBeside(file string) (*redact.Ledger, error) {
	path := daemon.RedactedFile(filepath.Dir(file))
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return redact.OpenLedger(path)
}

// reindexPiece is how many rows are indexed anew at once: who else writes into the archive waits for them.
const reindexPiece = 500

func (k *openKeeper) reindex(ctx context.Context, behind archive.Key) (archive.Key, error) {
	return k.Reindex(ctx, behind, reindexPiece, archive.DraftOf)
}

// nodeKeeper has the node change its archive.
type nodeKeeper struct{ *client.Client }

func (k *nodeKeeper) put(ctx context.Context, entries []fedmsg.Entry) (done imported, err error) {
	var lines []byte
	for i := range entries {
		lines = append(entries[i].AppendJSON(lines), '\n')
	}
	b, err := k.Send(ctx, "POST", "/v1/archive/import", "application/x-ndjson", lines)
	err = answered(b, err, &done)
	return done, err
}

func (k *nodeKeeper) reindex(ctx context.Context, behind archive.Key) (archive.Key, error) {
	b, err := k.Send(ctx, "POST", fmt.Sprintf("/v1/archive/reindex?behind=%d", behind), "application/x-ndjson", nil)
	var done struct{ Last archive.Key }
	err = answered(b, err, &done)
	return done.Last, err
}
