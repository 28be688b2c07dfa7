package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg/internal/archive"
)

func (p *program) archiveReindex() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reindex",
		Short: "Work out anew by what the messages are found",
		Long: `Work out anew by what the messages are found: their users, packages, words and numbers. It is for after an update that finds more
or otherwise. The archive is searched and goes on meanwhile. If it is interrupted, what was done stays; begin again.`,
		Example: `  fedmsg archive reindex`,
		Args:    cobra.NoArgs,
	}
	o := nodeClientFlags(cmd.Flags())
	var a archiveFlags
	a.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		k, err := p.openKeeper(cmd, o, &a)
		if err != nil {
			return err
		}
		defer k.Close()
		return interrupted(cmd.Context(), p.reindex(cmd, k))
	}
	return cmd
}

// reindex goes through all rows.
func (p *program) reindex(cmd *cobra.Command, k keeper) error {
	m := p.newMeter()
	defer m.clear()
	last := archive.Key(0)
	for {
		next, err := k.reindex(cmd.Context(), last)
		if err != nil {
			return err
		}
		if next == 0 {
			break
		}
		last = next
		m.show("indexed up to %s", last.Time().Local().Format(timeLayout))
	}
	m.clear()
	_, err := fmt.Fprintln(p.stdout, "all messages are indexed anew")
	return err
}
