package main

import (
	"context"
	"fmt"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// openKeeper changes an archive that is opened here.
type openKeeper struct{ archive.Store }

func (k *openKeeper) put(ctx context.Context, entries []fedmsg.Entry) (archive.Appended, error) {
	return archive.Import(ctx, k.Store, archive.Drafts(entries))
}

// reindexPiece is how many rows are indexed anew at once: who else writes into the archive waits for them.
const reindexPiece = 500

func (k *openKeeper) reindex(ctx context.Context, behind archive.Key) (archive.Key, error) {
	return k.Reindex(ctx, behind, reindexPiece, archive.DraftOf)
}

// nodeKeeper has the node change its archive.
type nodeKeeper struct{ *client.Client }

func (k *nodeKeeper) put(ctx context.Context, entries []fedmsg.Entry) (archive.Appended, error) {
	var lines []byte
	for i := range entries {
		lines = append(entries[i].AppendJSON(lines), '\n')
	}
	b, err := k.Send(ctx, "POST", "/v1/archive/import", "application/x-ndjson", lines)
	var done struct{ Stored, Known int }
	err = answered(b, err, &done)
	return archive.Appended{Stored: done.Stored, Known: done.Known}, err
}

func (k *nodeKeeper) reindex(ctx context.Context, behind archive.Key) (archive.Key, error) {
	b, err := k.Send(ctx, "POST", fmt.Sprintf("/v1/archive/reindex?behind=%d", behind), "application/x-ndjson", nil)
	var done struct{ Last archive.Key }
	err = answered(b, err, &done)
	return done.Last, err
}
