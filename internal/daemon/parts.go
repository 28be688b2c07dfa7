package daemon

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/durable"
	"github.com/federated-messaging/fedmsg/internal/ingest"
	"github.com/federated-messaging/fedmsg/internal/redact"
	"github.com/federated-messaging/fedmsg/internal/token"
)

// openLog opens the log of the state directory.
func openLog(c config.Config, o Options, syncs prometheus.Observer, redacted func(id string) bool, committed func([]fedmsg.Entry)) (*commitlog.Log, error) {
	return commitlog.Open(LogDir(c.State), commitlog.Options{
		SegmentBytes: c.Log.SegmentBytes, MaxBytes: c.Log.MaxBytes, MaxAge: c.Log.MaxAge, QueueBytes: c.Log.QueueBytes,
		Same: ingest.Same, Redacted: redacted, Committed: committed,
		Pins: func() []commitlog.Pin { return savedReaders(ReadersDir(c.State), c.Sink, o.Logger) },
		FS:   meteredFS{durable.OS{}, syncs}, Logger: o.Logger,
	})
}

// newDoor makes the way into the log, with the entrance of what says nothing else.
func newDoor(c *config.Config, log ingest.Log, tokens *token.Store, who *authority, numbers *numbers, r prometheus.Registerer, logger *slog.Logger) *ingest.Door {
	return ingest.New(ingest.Config{
		Limits: c.Limits, Publishers: c.Publisher, Loopback: isDev(c), UID: os.Getuid(), Log: log,
		Verify: c.Verify, MaxAge: c.Verification.MaxAge, MaxFuture: max(c.Verification.MaxFuture, 1), // 0 would be the default
		Verifier: who.store, Signer: who.messages(),
		SeqID:    numbers.next(),
		Tokens:   publishing(tokens),
		Sources:  sourceRights(c),
		Reserved: redact.IsTopic, Redactor: redactRules(c, who).May,
		Metrics: ingest.NewMetrics(r), Logger: logger,
	})
}

// isDev reports whether whoever reaches a loopback listener may publish.
func isDev(c *config.Config) bool { return c.Environment == "dev" }

// readyListeners gives the listeners that were made for the node: by the service manager, or else by its surroundings.
func readyListeners(o *Options) (map[string]net.Listener, error) {
	passed, err := passedListeners(o.Getenv, os.Getpid(), firstPassed)
	if err != nil || passed != nil {
		return passed, err
	}
	return o.Listeners, nil
}

// grants is the tokens as package httpapi asks for them.
func grants(tokens *token.Store) func(string) (string, []fedmsg.Pattern, bool) {
	return func(secret string) (string, []fedmsg.Pattern, bool) {
		g, ok := tokens.Lookup(secret)
		return g.Name, g.Read, ok
	}
}

// publishing is the tokens as package ingest asks for them.
func publishing(tokens *token.Store) func(string) ([]fedmsg.Pattern, bool) {
	return func(name string) ([]fedmsg.Pattern, bool) {
		g, ok := tokens.Named(name)
		return g.Publish, ok
	}
}

// spoolDirs lists the spools that this node fetches from, each once. One that this user may not list belongs to another
// node.
func spoolDirs(configured string, o Options) []string {
	var dirs []string
	if configured == "" {
		return nil
	}
	for _, dir := range append([]string{configured}, o.SpoolDirs...) {
		if dir == "" || slices.Contains(dirs, dir) {
			continue
		}
		if d, err := os.Open(dir); err == nil {
			d.Close()
		} else if errors.Is(err, os.ErrPermission) {
			o.Logger.Info("this spool belongs to another user and is left alone", "directory", dir)
			continue
		}
		dirs = append(dirs, dir)
	}
	return dirs
}
