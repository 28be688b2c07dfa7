package httpapi

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// Deps is what the server needs of the rest of the node. Fields without "optional" must be set.
type Deps struct {
	// Door gives the way into the log for an endpoint, by its option verify=; an empty mode is that of the node. Replaying asks
	// for the way of messages that waited somewhere since their publisher made them. It is called when the server is made.
	Door   func(verify fedmsg.VerifyMode, replaying bool) Door
	Log    Log
	Seeker Seeker
	Feed   Feed

	// Tokens gives the name and the read patterns of a bearer token, or false; optional.
	Tokens func(secret string) (name string, read []fedmsg.Pattern, ok bool)
	// Receipt signs that the node has an entry, as DSSE in JSON; optional. An error is the operator's business.
	Receipt func(*fedmsg.Entry) ([]byte, error)
	// Keys gives the name under which the node signs, and its public keys, those it signed with before included; optional.
	Keys func() (name string, all []keys.Public)
	// Sinks and Sources are what the routes about delivery speak of; optional.
	Sinks   *deliver.Set
	Sources *receive.Set
	// Archive is the searchable history; optional: nil where the node keeps none.
	Archive Archive
	// Redactor erases messages; optional.
	Redactor Redactor
	// Dev tells that environment is dev: then whoever comes over the loopback interface may publish as the sender loopback.
	Dev bool
	// Listeners are ready-made: by systemd, or by a test. A unix one stands in place of Config.Socket. A TCP one serves
	// the endpoint of Config.Listen that has fd=NAME or the same address, and otherwise plain HTTP. The server closes
	// them but removes no socket that it did not make. Optional.
	Listeners map[string]net.Listener

	// Subscribers gives those who follow by other protocols, for GET /v1/streams; optional.
	Subscribers func() []StreamStatus
	// Started is what the node was started with, without secrets, which encoding/json can encode; optional.
	Started any
	// Health gives a report that encoding/json can encode, and whether all is well; optional.
	Health func() (report any, ok bool)
	// Ready gives nil when the node takes messages, else why not; optional.
	Ready func() error
	// Metrics answers /metrics; optional.
	Metrics http.Handler
	// Registerer takes this package's collectors; optional.
	Registerer prometheus.Registerer
	// Logger takes what operators must know; optional.
	Logger *slog.Logger
}

// Door is the way into the log.
type Door interface {
	// Submit fixes the order of the messages, one JSON text each, and gives a ticket with one outcome for each; refusals
	// are outcomes. It may block while too much waits to become durable, until ctx ends. The lines belong to the caller again
	// when it returns: their memory is used for the next ones.
	Submit(ctx context.Context, from fedmsg.Sender, lines ...[]byte) fedmsg.Ticket
}

// Log is the stored past.
type Log interface {
	// Find gives the entry with the id, if there is one.
	Find(id string) (fedmsg.Entry, bool, error)
	// Info describes the log as it is now.
	Info() LogInfo
}

// Seeker finds where in the log a reader starts.
type Seeker interface {
	// Resolve gives the number after which a reader at p goes on, and the gap before it if there is one.
	Resolve(p fedmsg.Position) (after uint64, gap *fedmsg.Gap)
	// SeekTime gives the number after which the entries received at t or later stand.
	SeekTime(t time.Time) (after uint64, err error)
}

// LogInfo is what GET /v1/log shows. First, Oldest and Newest are zero while the log is empty; Last is the last number
// given.
type LogInfo struct {
	ID             fedmsg.LogID
	First, Last    uint64
	Bytes          int64
	Oldest, Newest time.Time
}
