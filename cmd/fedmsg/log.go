package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/commitlog"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// logCommand is `fedmsg log`: what is to be known and done about a node's log.
func (p *program) logCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Describe a node's log, or take over one that was restored from a backup",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	stateFlags(cmd.PersistentFlags())
	cmd.AddCommand(p.logInfo(), p.logAdopt())
	return cmd
}

func (p *program) logInfo() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "info",
		Short: "Say which log it is, what it holds, and which logs it goes on from",
		Long: `Describe the log in the state directory, without changing it or reading all of it. The node may be running. Whether all is
as it was written, fedmsg check tells.`,
		Example: `  fedmsg log info
  fedmsg log info --state /var/lib/fedmsg --format json | jq .last`,
		Args: cobra.NoArgs,
	}
	format := formatFlag(cmd, "text")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkFormat(*format, "text"); err != nil {
			return err
		}
		dir, err := p.logDir(cmd)
		if err != nil {
			return err
		}
		info, err := commitlog.ReadInfo(dir)
		if err != nil {
			return err
		}
		if *format == "json" {
			return p.infoJSON(info)
		}
		return p.infoText(info)
	}
	return cmd
}

// infoText writes one thing a line.
func (p *program) infoText(i commitlog.Info) error {
	w := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "log\t%s\n", i.ID)
	fmt.Fprintf(w, "entries\t%d\n", entries(i))
	if entries(i) > 0 {
		fmt.Fprintf(w, "first\t%s\t%s\n", fedmsg.Position{Log: i.ID, Seq: i.First}, i.Oldest.Format(time.RFC3339))
		fmt.Fprintf(w, "last\t%s\t%s\n", fedmsg.Position{Log: i.ID, Seq: i.Last}, i.Newest.Format(time.RFC3339))
	}
	fmt.Fprintf(w, "size\t%s\tin %d segments\n", ops.ByteSize(i.Bytes), i.Segments)
	for _, a := range i.Lineage {
		fmt.Fprintf(w, "goes on from\t%s\n", fedmsg.Position{Log: a.ID, Seq: a.Last})
	}
	return w.Flush()
}

// entries is how many numbers the log retains; of damaged ones the entry cannot be read.
func entries(i commitlog.Info) uint64 { return i.Last + 1 - i.First }

func (p *program) infoJSON(i commitlog.Info) error {
	lineage := i.Lineage
	if lineage == nil {
		lineage = []commitlog.Ancestor{}
	}
	return p.printJSON(struct {
		ID       fedmsg.LogID         `json:"id"`
		First    uint64               `json:"first"`
		Last     uint64               `json:"last"`
		Bytes    int64                `json:"bytes"`
		Oldest   time.Time            `json:"oldest,omitzero"`
		Newest   time.Time            `json:"newest,omitzero"`
		Entries  uint64               `json:"entries"`
		Segments int                  `json:"segments"`
		Lineage  []commitlog.Ancestor `json:"lineage"`
	}{i.ID, i.First, i.Last, i.Bytes, i.Oldest, i.Newest, entries(i), i.Segments, lineage})
}

func (p *program) logAdopt() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "adopt",
		Short: "Go on with a log that was restored from a backup, under a new id",
		Long: `Give the log in the state directory a new id and write down which one it goes on from.

A log that was restored from a backup, or copied with its machine, would give numbers a second time that readers know from
before. A node that sees this by a saved position beyond the log's end takes no messages until this command was run. After
it, positions up to the end of the restored log stay valid; a reader beyond that is told what it may have missed.

The node must not be running. Nothing is removed.`,
		Example: `  systemctl stop fedmsg && fedmsg log adopt && systemctl start fedmsg`,
		Args:    cobra.NoArgs,
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		dir, err := p.logDir(cmd)
		if err != nil {
			return err
		}
		info, err := commitlog.Adopt(dir, commitlog.Options{})
		if err != nil {
			return err
		}
		old := info.Lineage[len(info.Lineage)-1]
		_, err = fmt.Fprintf(p.stdout, "the log is now %s; it goes on from %s, and positions up to there stay valid\n",
			info.ID, fedmsg.Position{Log: old.ID, Seq: old.Last})
		return err
	}
	return cmd
}
