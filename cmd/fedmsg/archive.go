package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// archiveCommand is `fedmsg archive`: what is to be known and done about the history.
func (p *program) archiveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "archive",
		Short: "Describe the archive, put saved messages into it, save it, and index it anew",
		Long: `Describe the archive, put saved messages into it, save it, and index it anew. To search it see fedmsg query.

It talks to the node over its unix socket; root and the user that the node runs as may change something. With --archive it works on
the archive's file itself, whether a node runs or not.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.archiveStatus(), p.archiveImport(), p.archiveExport(), p.archiveReindex())
	return cmd
}

// held is what a node or a file tells of its archive.
type held struct {
	Position *fedmsg.Position `json:"position,omitempty"` // of a node: it has everything up to there
	Lag      *uint64          `json:"lag,omitempty"`      // of a node: entries of the log behind it
	Missed   uint64           `json:"missed,omitempty"`
	Trouble  string           `json:"trouble,omitempty"`
	Messages *int64           `json:"messages,omitempty"` // these are absent while the store cannot be asked
	Oldest   *time.Time       `json:"oldest,omitempty"`
	Newest   *time.Time       `json:"newest,omitempty"`
	Bytes    *int64           `json:"bytes,omitempty"`
}

func (p *program) archiveStatus() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say what the archive holds and how far it is",
		Example: `  fedmsg archive status
  fedmsg archive status --format json | jq .lag
  fedmsg archive status --archive /var/lib/fedmsg/archive.sqlite`,
		Args: cobra.NoArgs,
	}
	o := nodeClientFlags(cmd.Flags())
	var a archiveFlags
	a.register(cmd)
	format := formatFlag(cmd, "text")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkFormat(*format, "text"); err != nil {
			return err
		}
		if err := a.check(cmd); err != nil {
			return err
		}
		h, err := p.held(cmd, o, &a)
		if err != nil {
			return err
		}
		if *format == "json" {
			return p.printJSON(h)
		}
		return p.heldText(&h)
	}
	return cmd
}

// held asks the node, or the archive that the flags name.
func (p *program) held(cmd *cobra.Command, o *clientFlags, a *archiveFlags) (h held, err error) {
	if a.uri == "" {
		return h, p.ask(cmd, o, "GET", "/v1/archive", &h)
	}
	store, err := a.open(cmd.Context(), true)
	if err != nil {
		return h, err
	}
	defer store.Close()
	e, err := store.Extent(cmd.Context())
	if h.Messages, h.Bytes = &e.Rows, &e.Bytes; e.Rows > 0 {
		h.Oldest, h.Newest = new(e.Oldest.Time()), new(e.Newest.Time())
	}
	return h, err
}

// heldText writes one thing a line.
func (p *program) heldText(h *held) error {
	w := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	if h.Messages != nil {
		fmt.Fprintf(w, "messages\t%d\n", *h.Messages)
	}
	if h.Oldest != nil && h.Newest != nil {
		fmt.Fprintf(w, "oldest\t%s\n", h.Oldest.Format(time.RFC3339))
		fmt.Fprintf(w, "newest\t%s\n", h.Newest.Format(time.RFC3339))
	}
	if h.Bytes != nil {
		fmt.Fprintf(w, "size\t%s\n", ops.ByteSize(*h.Bytes))
	}
	if h.Position != nil && h.Lag != nil {
		fmt.Fprintf(w, "up to\t%s\t%d %s behind it\n", h.Position, *h.Lag, plural(int(*h.Lag), "entry of the log is", "entries of the log are"))
	}
	if h.Missed > 0 {
		fmt.Fprintf(w, "missed\t%d\tentries that the log no longer had\n", h.Missed)
	}
	if h.Trouble != "" {
		fmt.Fprintf(w, "trouble\t%s\n", ops.Printable(h.Trouble))
	}
	return w.Flush()
}

// keeper changes an archive: that of a node, or one that is opened here.
type keeper interface {
	// put puts messages into it, all or none, but for those that were redacted. It may change what it is given.
	put(ctx context.Context, entries []fedmsg.Entry) (imported, error)
	// reindex does some rows behind a key, and gives the key of the last; 0 is the end.
	reindex(ctx context.Context, behind archive.Key) (archive.Key, error)
	Close() error
}

// openKeeper gives what the flags name.
func (p *program) openKeeper(cmd *cobra.Command, o *clientFlags, a *archiveFlags) (keeper, error) {
	if err := a.check(cmd); err != nil {
		return nil, err
	}
	if a.uri != "" {
		store, err := a.open(cmd.Context(), false)
		if err != nil {
			return nil, err
		}
		k := &openKeeper{Store: store}
		if !a.isDatabase() {
			k.redacted, err = ledgerBeside(a.uri)
		}
		if err != nil {
			return nil, errors.Join(err, store.Close())
		}
		return k, nil
	}
	cfg, err := p.clientConfig(cmd, o)
	if err != nil {
		return nil, err
	}
	c, err := p.newClient(cfg, o, false)
	if err != nil {
		return nil, err
	}
	return &nodeKeeper{c}, nil
}

// answered reads what a node answered.
func answered(b []byte, err error, v any) error {
	if err != nil {
		return elsewhere(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fedmsg.WrapError(fedmsg.CodeInternal, err, "the node's answer cannot be read")
	}
	return nil
}
