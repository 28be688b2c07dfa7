package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archiver"
	"github.com/federated-messaging/fedmsg/internal/dump"
)

// ArchiveKeeper is what an [Archive] may do beside answering: an *archiver.Archiver does it.
type ArchiveKeeper interface {
	// Status tells how the archive is.
	Status() archiver.Status
	// Write has do write into the store, between what comes from the log; do is to be short.
	Write(ctx context.Context, do func(context.Context, archive.Writer) error) error
}

var _ ArchiveKeeper = (*archiver.Archiver)(nil)

// keeper gives who keeps the archive.
func (s *Server) keeper() (ArchiveKeeper, error) {
	if k, ok := s.deps.Archive.(ArchiveKeeper); ok {
		return k, nil
	}
	return nil, noArchive()
}

func noArchive() error {
	return fedmsg.Errorf(fedmsg.CodeNotFound, "this node keeps no archive; see archive.store in its configuration")
}

// archiveJSON is the answer of GET /v1/archive. What the store holds is absent while it cannot be asked.
type archiveJSON struct {
	archiver.Status
	Messages *int64     `json:"messages,omitempty"`
	Oldest   *time.Time `json:"oldest,omitempty"`
	Newest   *time.Time `json:"newest,omitempty"`
	Bytes    *int64     `json:"bytes,omitempty"`
}

// handleArchiveStatus tells how the archive is.
func (s *Server) handleArchiveStatus(w http.ResponseWriter, r *http.Request, _ identity) {
	k, err := s.keeper()
	if err != nil {
		writeError(w, err)
		return
	}
	answer := archiveJSON{Status: k.Status()}
	ctx, cancel := s.asking(r, archiveTime)
	defer cancel()
	if searcher, done, err := s.searcher(ctx, fedmsg.Position{}); err == nil {
		defer done()
		if held, err := searcher.Extent(ctx); err == nil {
			answer.Messages, answer.Bytes = &held.Rows, &held.Bytes
			if held.Rows > 0 {
				answer.Oldest, answer.Newest = new(held.Oldest.Time()), new(held.Newest.Time())
			}
		}
	}
	s.encode(w, http.StatusOK, answer)
}

// handleArchiveImport puts messages into the archive, one a line. All of them are stored or known when it answers, or none. Those that
// were redacted here are left out, whatever copy has them still.
func (s *Server) handleArchiveImport(w http.ResponseWriter, r *http.Request, _ identity) {
	var done archive.Appended
	drafts, err := s.readDrafts(r)
	if errors.Is(err, errClientGone) {
		panic(http.ErrAbortHandler)
	}
	all := len(drafts)
	if err == nil {
		err = s.keep(r, func(ctx context.Context, w archive.Writer) (err error) {
			// What is redacted while this waits for its turn is left out too; what is redacted later finds it in the store.
			drafts = slices.DeleteFunc(drafts, func(d archive.Draft) bool { return s.isRedacted(d.Entry.ID) })
			done, err = archive.Import(ctx, w, drafts)
			return err
		})
	}
	if err != nil {
		s.report(err)
		refuse(w, r, err)
		return
	}
	answer := map[string]int{"stored": done.Stored, "known": done.Known}
	if n := all - len(drafts); n > 0 {
		answer["redacted"] = n
	}
	s.encode(w, http.StatusOK, answer)
}

// readDrafts reads the messages of a body.
func (s *Server) readDrafts(r *http.Request) ([]archive.Draft, error) {
	if lines, err := publishType(r); err != nil || !lines {
		return nil, fedmsg.Errorf(fedmsg.CodeBadMediaType, "messages to import are sent as application/x-ndjson")
	}
	body, err := s.readBody(r, new([]byte))
	if err != nil {
		return nil, err
	}
	in, err := dump.NewReader(bytes.NewReader(body), fedmsg.DefaultLimits())
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var entries []fedmsg.Entry
	for {
		e, err := in.Next()
		if err == io.EOF {
			return archive.Drafts(entries), nil
		}
		if fault, ok := errors.AsType[*dump.Fault](err); ok {
			code, text := fedmsg.Public(fault.Err)
			return nil, fedmsg.Errorf(code, "%s: %s", fault.Where, text)
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
}

// keep writes into the archive in the time of a request that waits to be durable.
func (s *Server) keep(r *http.Request, do func(context.Context, archive.Writer) error) error {
	k, err := s.keeper()
	if err != nil {
		return err
	}
	ctx, cancel := s.asking(r, s.cfg.AcceptTimeout)
	defer cancel()
	return k.Write(ctx, do)
}

// reindexPiece is how many rows are indexed anew by one request: the archive does not go on meanwhile.
const reindexPiece = 500

// handleArchiveReindex indexes some rows anew, those behind a key, and tells the key of the last.
func (s *Server) handleArchiveReindex(w http.ResponseWriter, r *http.Request, _ identity) {
	behind, err := reindexBehind(r.URL.RawQuery)
	var last archive.Key
	if err == nil {
		err = s.keep(r, func(ctx context.Context, w archive.Writer) (err error) {
			last, err = w.Reindex(ctx, behind, reindexPiece, archive.DraftOf)
			return err
		})
	}
	if err != nil {
		s.report(err)
		refuse(w, r, err)
		return
	}
	s.encode(w, http.StatusOK, map[string]archive.Key{"last": last})
}

// reindexBehind reads behind=KEY, which is 0 at the beginning.
func reindexBehind(rawQuery string) (archive.Key, error) {
	values, err := url.ParseQuery(rawQuery)
	var n int64
	if err == nil && len(values) == 1 && len(values["behind"]) == 1 {
		n, err = strconv.ParseInt(values.Get("behind"), 10, 64)
		if err == nil && n >= 0 {
			return archive.Key(n), nil
		}
	}
	return 0, fedmsg.Errorf(fedmsg.CodeBadRequest, "indexing anew takes behind=KEY, which is 0 at first and then what the answer before had as last, and nothing else")
}
