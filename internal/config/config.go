// Package config reads the configuration of a node: one TOML file, what stands in conf.d beside it, the environment and
// the command line, in this order.
//
// It promises that nothing is passed over in silence: an unknown key, a value of the wrong type or one that makes no sense
// is refused before anything is opened, with the file and line and the nearest right key, and all faults of all sources
// are told at once. Of every key it can say where its value comes from. It opens nothing but the files of the
// configuration and keeps no state.
//
// The meaning of the values belongs to the packages that use them; this one composes their Config structs and says what is
// the default.
package config

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archiver"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/httpapi"
	"github.com/federated-messaging/fedmsg/internal/ingest"
	"github.com/federated-messaging/fedmsg/internal/sign"
	"github.com/federated-messaging/fedmsg/internal/trust"
	"github.com/federated-messaging/fedmsg/internal/zeromq"
)

// Config is everything that can be set. Its keys are the fields' names in lower case with underscores.
type Config struct {
	TopicPrefix  string            // the organisation in reversed domain form, put before short topics
	Environment  string            // dev, stg, prod or production
	State        string            // directory of what the node keeps: the log, tokens, keys, readers' positions
	Node         string            // URI of the node that publish, tail and hook use; empty finds the one of this machine
	LogLevel     slog.Level        // the least level that the operator's log shows: debug, info, warn, error
	Verify       fedmsg.VerifyMode // what the spool and those endpoints ask of signatures that do not say it themselves
	Sign         []sign.Form       // how the node signs what nobody signed; empty: not at all
	RedactFrom   []string          // verified signers, ROOT/NAME or ROOT, whose word erases messages here, beside the node itself
	TrustFile    string            // a file with [[trust]] and [policy] beside those of the configuration; empty: none
	HTTP         httpapi.Config
	ZeroMQ       zeromq.Config `toml:"zeromq"`
	Log          Log
	Archive      archiver.Config
	Feed         Feed
	Limits       fedmsg.Limits
	Spool        Spool
	Verification trust.Settings
	Signing      sign.Settings
	Policy       trust.Policy
	Publisher    []ingest.Publisher // who may publish what; empty stands for the defaults of package ingest
	Trust        []trust.Root       // whose signatures count; the node's own always do
	ZeroMQClient []zeromq.Client    `toml:"zeromq_client"` // who proves itself by a CURVE key, and what it may read
	Sink         []deliver.Config   // where the node delivers what it stores
	Source       []MessageSource    // from where it brings messages of other buses and nodes
}

// Log bounds the log on disk.
type Log struct {
	SegmentBytes int64         // size at which a segment file is closed and the next one begun
	MaxBytes     int64         // retention: oldest segments go when the log is larger; 0 keeps everything
	MaxAge       time.Duration // retention: segments go whose entries are all older; 0 keeps everything
	QueueBytes   int           // accepted but not yet on disk; publishers wait beyond it
}

// Feed bounds the live end.
type Feed struct {
	RingBytes int // recent entries kept in memory for live readers; those further behind read the disk
}

// Spool is from where a node fetches what was published while none answered.
type Spool struct {
	Directory string        // empty: nothing is fetched
	Interval  time.Duration // how often it is looked at
}

// Default is the configuration of a node for which nothing was set.
func Default(sys System) Config {
	return Config{
		TopicPrefix:  "org.example",
		Environment:  "dev",
		State:        StateDir(sys),
		LogLevel:     slog.LevelInfo,
		Verify:       fedmsg.VerifyRequire,
		Sign:         []sign.Form{sign.DSSE},
		HTTP:         defaultHTTP(sys),
		ZeroMQ:       defaultZeroMQ(defaultHTTP(sys).Socket),
		Log:          Log{SegmentBytes: 128 << 20, MaxBytes: 10 << 30, MaxAge: 30 * 24 * time.Hour, QueueBytes: 8 << 20},
		Archive:      archiver.DefaultConfig(),
		Feed:         Feed{RingBytes: 4 << 20},
		Limits:       fedmsg.DefaultLimits(),
		Spool:        Spool{Directory: SpoolDir(sys), Interval: 2 * time.Second},
		Verification: trust.DefaultSettings(),
	}
}

// nodeGroup is the group whose members may publish on a machine's node.
const nodeGroup = "fedmsg"

func defaultHTTP(sys System) httpapi.Config {
	c := httpapi.DefaultConfig()
	c.Socket = "unix://" + SocketPath(sys)
	if sys.UID == 0 && sys.GroupExists != nil && sys.GroupExists(nodeGroup) {
		c.Socket += "?group=" + nodeGroup
	}
	return c
}

// SigningSettings gives the signing settings with what stands for empty ones: the host's name, and all topics below
// topic_prefix and environment.
func (c *Config) SigningSettings(host string) sign.Settings {
	s := c.Signing
	if s.Name == "" {
		s.Name = trust.NameOf(host)
	}
	if len(s.Topics) == 0 {
		if all, err := fedmsg.ParsePattern(c.TopicPrefix + "." + c.Environment + ".#"); err == nil {
			s.Topics = []fedmsg.Pattern{all}
		}
	}
	return s
}

// Validate reports every value that makes no sense, each error beginning with the name of its key.
func (c *Config) Validate() error {
	return errors.Join(
		c.validateTop(), c.HTTP.Validate(), c.validateSocket(), (&ingest.Config{Publishers: c.Publisher}).Validate(),
		c.ZeroMQ.Validate(), zeromq.ValidateClients(c.ZeroMQClient), c.validateZeroMQ(),
		c.Log.validate(), c.Archive.Validate(), c.Feed.validate(), validateLimits(c.Limits), c.validateBody(), c.Spool.validate(),
		c.validateSigning(), c.validateTrust(), c.validateDelivery(),
	)
}

// validateBody refuses limits with which a message within its own limit is refused by the one on requests.
func (c *Config) validateBody() error {
	if request := c.HTTP.MaxBodyBytes; request > 0 && c.SignedBytes() > request {
		return fault("limits.envelope", "is %d, which signed and in base64 is up to %d, more than http.max_body_bytes = %d, in which it has to fit; make that larger or this smaller", c.Limits.Envelope, c.SignedBytes(), request)
	}
	return nil
}

// signatureRoom is what the signatures of one message, with their certificates, may take beside the envelope.
const signatureRoom = 64 << 10

// SignedBytes is the most bytes that an envelope has with its signatures, as a DSSE document: the envelope in base64 and
// the signatures beside it. Requests and files of the spool must have room for it.
func (c *Config) SignedBytes() int { return (c.Limits.Envelope+2)/3*4 + signatureRoom }

func (c *Config) validateTop() error {
	var faults []error
	if err := fedmsg.DefaultLimits().CheckTopic(c.TopicPrefix); err != nil {
		faults = append(faults, fault("topic_prefix", "is the beginning of topics: %s", err))
	}
	switch c.Environment {
	case "dev", "stg", "prod", "production":
	default:
		faults = append(faults, fault("environment", "is one of dev, stg, prod and production, not %q", c.Environment))
	}
	if !filepath.IsAbs(c.State) {
		faults = append(faults, fault("state", "is an absolute path, not %q", c.State))
	}
	return errors.Join(faults...)
}

// maxSocketPath is what fits into the address of a unix socket on Linux.
const maxSocketPath = 107

// validateSocket refuses a path that the kernel would refuse with words that name neither path nor limit.
func (c *Config) validateSocket() error {
	path, _, _ := strings.Cut(strings.TrimPrefix(c.HTTP.Socket, "unix://"), "?")
	if len(path) > maxSocketPath {
		return fault("http.socket", "has a path of %d bytes and a socket's path has at most %d; set a shorter one: %s", len(path), maxSocketPath, path)
	}
	return nil
}

func (l Log) validate() error {
	var faults []error
	if l.SegmentBytes < 64<<10 || l.SegmentBytes > 1<<30 {
		faults = append(faults, fault("log.segment_bytes", "is from 64KiB to 1GiB, not %s", formatSize(l.SegmentBytes)))
	}
	if l.MaxBytes < 0 || l.MaxBytes > 0 && l.MaxBytes < 1<<20 {
		faults = append(faults, fault("log.max_bytes", "is 0 or at least 1MiB, not %s", formatSize(l.MaxBytes)))
	}
	if l.QueueBytes < 64<<10 {
		faults = append(faults, fault("log.queue_bytes", "is at least 64KiB, not %s", formatSize(int64(l.QueueBytes))))
	}
	return errors.Join(faults...)
}

func (f Feed) validate() error {
	if f.RingBytes < 64<<10 {
		return fault("feed.ring_bytes", "is at least 64KiB, not %s", formatSize(int64(f.RingBytes)))
	}
	return nil
}

func (s Spool) validate() error {
	var faults []error
	if s.Directory != "" && !filepath.IsAbs(s.Directory) {
		faults = append(faults, fault("spool.directory", "is an absolute path, not %q", s.Directory))
	}
	if s.Interval < 100*time.Millisecond {
		faults = append(faults, fault("spool.interval", "is at least 100ms, not %s", s.Interval))
	}
	return errors.Join(faults...)
}

// validateLimits refuses limits with which nothing could be published, and those that the log's format cannot hold.
func validateLimits(l fedmsg.Limits) error {
	var faults []error
	for _, r := range []struct {
		name     string
		value    int
		min, max int
	}{
		{"limits.body", l.Body, 2, 256 << 20},
		{"limits.envelope", l.Envelope, 64, 512 << 20},
		{"limits.depth", l.Depth, 2, 1000},
		{"limits.topic_bytes", l.TopicBytes, 1, 65535},
		{"limits.topic_words", l.TopicWords, 1, 4096},
		{"limits.headers", l.Headers, 0, 4096},
		{"limits.header_bytes", l.HeaderBytes, 0, 1 << 20},
		{"limits.id_bytes", l.IDBytes, 41, 1024}, // an id made by the node has 41
		{"limits.name_bytes", l.NameBytes, 1, 65535},
	} {
		if r.value < r.min || r.value > r.max {
			faults = append(faults, fault(r.name, "is from %d to %d, not %d", r.min, r.max, r.value))
		}
	}
	if l.Envelope < l.Body {
		faults = append(faults, fault("limits.envelope", "is %d, less than limits.body = %d, which stands in it", l.Envelope, l.Body))
	}
	return errors.Join(faults...)
}

func fault(key, format string, args ...any) error {
	return fedmsg.Errorf(fedmsg.CodeConfig, key+" "+format, args...)
}
