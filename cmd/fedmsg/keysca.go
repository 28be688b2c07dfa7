package main

import "github.com/spf13/cobra"

// keysCA is `fedmsg keys ca`: certificates for a site that has no authority of its own.
func (p *program) keysCA() *cobra.Command {
	return &cobra.Command{
		Use:   "ca",
		Short: "Be a certificate authority for the hosts and services of one site",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
}
