package main

import (
	"github.com/spf13/cobra"
)

// keysCommand is `fedmsg keys`: what messages are signed with.
func (p *program) keysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make and show the keys that sign messages, and find what a lost one has signed",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.keysNew(), p.keysShow(), p.keysImport(), p.keysCA(), p.keysCurve(), p.keysCompromised())
	return cmd
}
