package main

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/archive/postgres"
	"github.com/federated-messaging/fedmsg/internal/archive/sqlite"
)

// history answers questions: a node, of which a *client.Client is the other end, or an archive that is opened here.
type history interface {
	Query(ctx context.Context, o client.QueryOptions) iter.Seq2[fedmsg.Entry, error]
	Count(ctx context.Context, o client.QueryOptions) (n int, more bool, err error)
	Stats(ctx context.Context, o client.StatsOptions) (points []client.StatsPoint, partial bool, err error)
	Close() error
}

// openHistory gives what the flags name.
func (p *program) openHistory(cmd *cobra.Command, o *queryFlags) (history, error) {
	if o.archive.uri != "" {
		store, err := o.archive.open(cmd.Context(), true)
		if err != nil {
			return nil, err
		}
		return &openArchive{store: store, searcher: archive.NewSearcher(store)}, nil
	}
	cfg, err := p.clientConfig(cmd, o.clientFlags)
	if err != nil {
		return nil, err
	}
	return p.newClient(cfg, o.clientFlags, false)
}

// archiveFlags name an archive.
type archiveFlags struct {
	uri string
}

func (a *archiveFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&a.uri, "archive", "", "ask no node, but the archive in this file, or in this database (postgres://USER@HOST/NAME)")
}

// check refuses what is asked of a node where none is asked.
func (a *archiveFlags) check(cmd *cobra.Command) error {
	if a.uri == "" {
		return nil
	}
	for _, flag := range []string{"node", "token-file", "timeout", "min-position"} {
		if cmd.Flags().Changed(flag) {
			return fedmsg.Errorf(fedmsg.CodeUsage, "--%s is for a node, and with --archive none is asked; give one of them", flag)
		}
	}
	return nil
}

// isDatabase reports whether it is in PostgreSQL, and not in a file.
func (a *archiveFlags) isDatabase() bool {
	return strings.HasPrefix(a.uri, "postgres://") || strings.HasPrefix(a.uri, "postgresql://")
}

// open opens the archive.
func (a *archiveFlags) open(ctx context.Context, readOnly bool) (archive.Store, error) {
	logger := slog.New(slog.DiscardHandler)
	if !a.isDatabase() {
		if _, err := os.Stat(a.uri); readOnly && errors.Is(err, fs.ErrNotExist) {
			return nil, fedmsg.Errorf(fedmsg.CodeNotFound, "there is no archive in %s; a node keeps it in archive.sqlite in its state directory", a.uri)
		}
		return sqlite.Open(ctx, a.uri, sqlite.Options{ReadOnly: readOnly, Logger: logger})
	}
	return postgres.Open(ctx, a.uri, postgres.Options{ReadOnly: readOnly, Logger: logger})
}
