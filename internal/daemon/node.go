// Package daemon builds a node from its configuration, runs it, and stops it.
//
// It promises that nothing runs after Run returned, that the parts stop in the reverse of their start under one deadline,
// and that the part which does not is named. A node that could not be built leaves nothing open. It decides nothing about
// messages: it is one straight line of wiring, and what an operator sees of the whole: the state directory, readiness,
// health, metrics, and what the service manager is told.
package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archiver"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/feed"
	"github.com/federated-messaging/fedmsg/internal/httpapi"
	"github.com/federated-messaging/fedmsg/internal/ingest"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/receive"
	"github.com/federated-messaging/fedmsg/internal/redact"
	"github.com/federated-messaging/fedmsg/internal/spool"
	"github.com/federated-messaging/fedmsg/internal/token"
)

// Options is what a node gets from its surroundings. The zero value takes them from the process.
type Options struct {
	Version   string              // shown in the metrics
	Settings  []config.Setting    // from which the configuration was made, to be shown to the operator; may be empty
	Logger    *slog.Logger        // for the operator; nil discards
	Getenv    func(string) string // nil is os.Getenv
	StopIn    time.Duration       // the one deadline for stopping; 0 means 5 s
	Hangup    <-chan os.Signal    // SIGHUP, which is answered in the log; nil is never
	Listeners map[string]net.Listener
	// SpoolDirs are looked at beside the configured directory, if they are not it.
	SpoolDirs []string
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.StopIn <= 0 {
		o.StopIn = 5 * time.Second
	}
	return o
}

// Node is a built node, listening but not serving yet. One goroutine builds and runs it.
type Node struct {
	log     *slog.Logger
	stopIn  time.Duration
	hangup  <-chan os.Signal
	stops   stopList
	ready   ops.Readiness
	notify  notifier
	server  *httpapi.Server
	bus     *bus
	drain   *drainer
	archive *archiver.Archiver // nil without one
	redact  *redactor
	sinks   *deliver.Set
	sources *receive.Set
	doors   []httpapi.Endpoint // the sources, as places where messages come in
}

// New opens everything that the configuration names, in the order in which one part uses another. The configuration must
// be valid. Run must follow, as it also closes what New opened; after an error nothing is open.
func New(c config.Config, o Options) (node *Node, err error) {
	o = o.withDefaults()
	n := &Node{log: o.Logger, stopIn: o.StopIn, hangup: o.Hangup, notify: newNotifier(o.Getenv, os.Getpid())}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.stop())
		}
	}()

	if err := openState(c.State); err != nil {
		return nil, err
	}
	registry := ops.NewRegistry(o.Version)
	syncs := newSyncHistogram()
	registry.MustRegister(syncs)

	// The log tells the feed what has become durable, and the feed is made from the log. Nothing is committed before the
	// first Submit, which is long after this function.
	var live *feed.Feed
	ledger, err := redact.OpenLedger(RedactedFile(c.State))
	if err != nil {
		return nil, err
	}
	n.stops.push("redacted", func(context.Context) error { return ledger.Close() })
	log, err := openLog(c, o, syncs, ledger.Has, func(entries []fedmsg.Entry) { live.Publish(entries) })
	if err != nil {
		return nil, err
	}
	info := log.Info()
	live = feed.New(feed.Config{
		Log: info.ID, Last: info.Last, RingBytes: c.Feed.RingBytes,
		Open: func(after uint64) feed.LogReader { return log.Reader(after) },
	})
	registry.MustRegister(newLogMetrics(log.Info))
	// The log's writer feeds the feed until it ends, so the feed is closed after it.
	n.stops.push("feed", func(context.Context) error { live.Close(); return nil })
	n.stops.push("log", func(context.Context) error { return log.Close() })

	tokens, err := token.Open(token.Config{Path: TokensFile(c.State), Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	warnOfLostKeys(&c, info.Last, o.Logger)
	who, err := openAuthority(&c, o.Logger)
	if err != nil {
		return nil, err
	}
	ends := newCertificates(&c, o.Logger)
	ends.start(&n.stops)
	registry.MustRegister(newTrustMetrics(who.signer.Own, who.store.Lists), ends)
	counted, err := openNumbers(&c, log, o.Logger)
	if err != nil {
		return nil, err
	}
	counted.start(&n.stops) // stopped behind all doors
	entrance := newDoor(&c, log, tokens, who, counted, registry, o.Logger)

	n.drain = newDrainer(spoolDirs(c.Spool.Directory, o), spool.Options{FileBytes: int64(c.SignedBytes())}, entrance.With(ingest.Passage{Replaying: true, Sign: true}), c.Spool.Interval, ledger.Has, o.Logger)
	registry.MustRegister(n.drain.delivered, n.drain.rejected)

	rules := redactRules(&c, who)
	if n.archive, err = newArchive(&c, log, live, rules, ledger, registry, o.Logger); err != nil {
		return nil, err
	}
	if n.archive != nil {
		n.stops.push("archive", n.archive.Stop) // behind all who ask it, and before the log that it reads
	}
	if n.sinks, err = newSinks(&c, log, live, ledger, registry, o.Logger); err != nil {
		return nil, err
	}
	n.stops.push("sinks", n.sinks.Stop) // behind all doors, and before the log that they read
	n.bus, err = newBus(&c, entrance, log, live, counted, who, registry, o.Logger)
	if err != nil {
		return nil, err
	}
	n.stops.push("zeromq", n.bus.stop) // behind the other doors, so that subscribers are given also what those took last
	if n.sources, err = newSources(&c, entrance, log, ledger, registry, o.Logger); err != nil {
		return nil, err
	}
	n.stops.push("sources", n.sources.Stop)
	n.doors = sourceDoors(&c)
	if n.redact, err = newRedactor(&c, ledger, rules, log, live, entrance, o.Logger, n.sinks, n.sources); err != nil {
		return nil, err
	}
	n.stops.push("redaction", n.redact.Stop) // before the sinks and sources, whose dead letters it looks at

	listeners, err := readyListeners(&o)
	if err != nil {
		return nil, err
	}
	n.server, err = httpapi.New(c.HTTP, httpapi.Deps{
		Door: func(m fedmsg.VerifyMode, replaying bool) httpapi.Door {
			return entrance.With(ingest.Passage{Verify: m, Replaying: replaying, Sign: true})
		},
		Log: edgeLog{log}, Seeker: log, Feed: live,
		Sinks: n.sinks, Sources: n.sources, Archive: searchable(n.archive), Redactor: n.redact,
		Tokens:    grants(tokens),
		Dev:       isDev(&c),
		Listeners: listeners,
		Receipt:   who.receipt,
		Keys:      who.keys,
		Health: healthOf(logChecks(log), tokenChecks(tokens.Err), n.drain.checks, signingChecks(who),
			verifyChecks(who, n.endpoints), trustChecks(who.store, time.Now), ends.checks, archiveChecks(n.archive), n.redact.checks, n.bus.Checks, n.sinks.Checks, n.sources.Checks, insecureChecks(c.Insecure())),
		Subscribers: n.bus.subscribers,
		Started:     newStarted(&o),
		Ready:       func() error { return errors.Join(n.ready.Err(), log.Err()) },
		Metrics:     ops.MetricsHandler(registry), Registerer: registry, Logger: o.Logger,
	})
	if err != nil {
		return nil, err
	}
	who.announce(&c, n.endpoints(), o.Logger)
	for _, key := range c.InsecureDelivery() {
		o.Logger.Warn("insecure switch is on", "key", key)
	}
	return n, nil
}

// Addrs lists where the node listens, as URIs.
func (n *Node) Addrs() []string { return n.server.Addrs() }

// Bus tells in sentences what the node does over ZeroMQ, and where.
func (n *Node) Bus() []string { return n.bus.Places() }

// Delivery tells in sentences where the node delivers, and from where it brings messages.
func (n *Node) Delivery() []string {
	var all []string
	for _, s := range n.sinks.List() {
		if s.State == deliver.StateStopped {
			all = append(all, "not delivering to "+s.To+": sink "+s.Name+" has stopped, and `fedmsg sink show "+s.Name+"` says why")
			continue
		}
		all = append(all, "delivering to "+s.To+" as sink "+s.Name)
	}
	for _, s := range n.sources.List() {
		all = append(all, "receiving from "+s.From+" as source "+s.Name)
	}
	return all
}

// endpoints lists where the node takes messages, with what each place asks of signatures.
func (n *Node) endpoints() []httpapi.Endpoint {
	all := append(n.server.Endpoints(), n.doors...)
	for _, e := range n.bus.Ways() {
		all = append(all, httpapi.Endpoint(e))
	}
	return all
}

// Run serves until ctx ends or a part fails, and then stops everything.
func (n *Node) Run(ctx context.Context) error {
	failed := make(chan error, 2) // one of each
	n.startArchive(ctx)
	n.redact.Start()
	n.sinks.Start()
	n.bus.start(failed)
	n.startServing(failed)
	n.startDraining()
	n.sources.Start()
	n.ready.Set("")
	n.tell("READY=1", "STATUS=listening")
	watchdog, stopWatchdog := n.notify.ticks()
	defer stopWatchdog()
	for {
		select {
		case <-watchdog:
			n.tell("WATCHDOG=1")
		case <-n.hangup:
			n.log.Info("nothing to do on a hangup: certificates, tokens, keys and trust files are read again when they change; for a changed configuration restart the node")
		case err := <-failed:
			return errors.Join(err, n.stopServing())
		case <-ctx.Done():
			return n.stopServing()
		}
	}
}

// archivePatience is how long the node waits for the archive's store before it says that it is ready, so that who asks at once is
// answered. It goes on without it.
const archivePatience = time.Second

// startArchive starts the archive, if there is one.
func (n *Node) startArchive(ctx context.Context) {
	if n.archive == nil {
		return
	}
	n.archive.Start()
	ctx, cancel := context.WithTimeout(ctx, archivePatience)
	defer cancel()
	select {
	case <-n.archive.Tried():
	case <-ctx.Done():
	}
}

// startServing starts the listeners' goroutine. The error that ends it early goes to failed.
func (n *Node) startServing(failed chan<- error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := n.server.Run(context.Background()); err != nil { // ends by Shutdown, so that requests go on until then
			failed <- err
		}
	}()
	n.stops.push("http", func(ctx context.Context) error {
		err := n.server.Shutdown(ctx)
		<-done
		return err
	})
}

// startDraining starts the spools' goroutine.
func (n *Node) startDraining() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.drain.run(ctx)
	}()
	n.stops.push("spool", func(context.Context) error {
		cancel()
		<-done
		return nil
	})
}

// stopServing says that the node stops, and stops it.
func (n *Node) stopServing() error {
	n.ready.Set("the node is stopping")
	n.tell("STOPPING=1")
	n.log.Info("stopping")
	err := n.stop()
	if err == nil {
		n.log.Info("stopped")
	}
	return err
}

func (n *Node) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), n.stopIn)
	defer cancel()
	return n.stops.stop(ctx, n.log)
}

func (n *Node) tell(lines ...string) {
	if err := n.notify.send(lines...); err != nil {
		n.log.Warn("cannot tell the service manager", "error", err)
	}
}
