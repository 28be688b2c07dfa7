package daemon

import (
	"log/slog"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/feed"
	"github.com/federated-messaging/fedmsg/internal/httpapi"
	"github.com/federated-messaging/fedmsg/internal/ingest"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/redact"
)

// SinksDir is the directory in a state directory of what sinks keep beside their places, which are with the other readers'.
func SinksDir(state string) string { return filepath.Join(state, "sinks") }

// SourcesDir is the directory of what sources keep in a state directory.
func SourcesDir(state string) string { return filepath.Join(state, "sources") }

// newSinks makes the sinks of the configuration, which deliver nothing yet.
func newSinks(c *config.Config, log *commitlog.Log, live *feed.Feed, ledger *redact.Ledger, r prometheus.Registerer, logger *slog.Logger) (*deliver.Set, error) {
	var all []deliver.Configured
	for _, s := range c.Sink {
		made, err := config.NewSink(s, logger.With("sink", s.Name))
		if err != nil {
			return nil, err
		}
		all = append(all, made)
	}
	if err := ownDir(SinksDir(c.State), len(all)); err != nil {
		return nil, err
	}
	ancestors := make(map[fedmsg.LogID]uint64)
	for _, a := range log.Info().Lineage {
		ancestors[a.ID] = a.Last
	}
	return deliver.New(all, deliver.Deps{
		Log: sinkLog{log, live}, Places: ReadersDir(c.State), Dir: SinksDir(c.State), Ancestors: ancestors, Redacted: wasRedacted(ledger), Registerer: r, Logger: logger,
	})
}

// wasRedacted tells whether an entry that was read before is one to be erased.
func wasRedacted(ledger *redact.Ledger) func(*fedmsg.Entry) bool {
	return func(e *fedmsg.Entry) bool {
		if !ledger.Has(e.ID) { // as of nearly all
			return false
		}
		_, known := ledger.Find(e.ID, redact.Sum(e.Envelope))
		return known
	}
}

// newSources makes the sources of the configuration, which bring nothing yet.
func newSources(c *config.Config, entrance *ingest.Door, log *commitlog.Log, ledger *redact.Ledger, r prometheus.Registerer, logger *slog.Logger) (*receive.Set, error) {
	if err := ownDir(SourcesDir(c.State), len(c.Source)); err != nil {
		return nil, err
	}
	var all []receive.Configured
	for _, s := range c.Source {
		dir := filepath.Join(SourcesDir(c.State), s.Name)
		if err := ownDir(dir, 1); err != nil {
			return nil, err
		}
		made, err := c.NewSource(s, dir, logger.With("source", s.Name))
		if err != nil {
			return nil, err
		}
		all = append(all, made)
	}
	return receive.New(all, receive.Deps{
		Door: func(s *receive.Config) receive.Door {
			return entrance.With(ingest.Passage{Verify: s.Verify, Replaying: true, Sign: s.Sign})
		},
		Dir: SourcesDir(c.State), Registerer: r, Logger: logger, Log: log.Info().ID, Redacted: ledger.Has, Redactions: ledger.Len,
	})
}

// ownDir makes a directory of the state directory where there is something to keep in it.
func ownDir(dir string, things int) error {
	if things == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return stateError(err, dir)
	}
	return nil
}

// sourceRights gives the topics that the source of a name may bring.
func sourceRights(c *config.Config) func(name string) []fedmsg.Pattern {
	rights := make(map[string][]fedmsg.Pattern, len(c.Source))
	for i := range c.Source {
		rights[c.Source[i].Name] = c.Source[i].Topics
	}
	return func(name string) []fedmsg.Pattern { return rights[name] }
}

// sourceDoors lists the sources as places where messages come in, with what each asks of signatures.
func sourceDoors(c *config.Config) []httpapi.Endpoint {
	var all []httpapi.Endpoint
	for i := range c.Source {
		all = append(all, httpapi.Endpoint{Name: "source " + c.Source[i].Name, Verify: c.Source[i].Verify})
	}
	return all
}

// sinkPlace begins the name of the file of a sink's place, among those of other readers.
const sinkPlace = "sink-"

// SinkPlace is the file in a state directory that says where the sink of that name stands.
func SinkPlace(state, name string) string { return filepath.Join(ReadersDir(state), sinkPlace+name) }

// sinkLog is log and feed as package deliver reads them.
type sinkLog struct {
	log  *commitlog.Log
	live *feed.Feed
}

var _ deliver.Log = sinkLog{}

// Cursor reads from behind the position.
func (l sinkLog) Cursor(after fedmsg.Position) (deliver.Cursor, *fedmsg.Gap) {
	seq, gap := l.log.Resolve(after)
	return sinkCursor{l.live.Cursor(seq)}, gap
}

// End is the position of the newest entry.
func (l sinkLog) End() fedmsg.Position { return l.live.Last() }

// sinkCursor is a cursor of the feed that gives entries alone.
type sinkCursor struct{ *feed.Cursor }

var _ deliver.Cursor = sinkCursor{}

// Next gives the next entry.
func (c sinkCursor) Next() (*fedmsg.Entry, error) {
	item, err := c.Cursor.Next()
	return item.Entry, err
}
