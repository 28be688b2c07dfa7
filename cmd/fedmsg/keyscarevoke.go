package main

import (
	"fmt"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/pki"
)

func (p *program) keysCARevoke() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke NAME|SERIAL",
		Short: "Take a certificate back, and write the revocation list",
		Long: `Take a certificate back, and write the revocation list. Messages that a node received at or after the time of --since
do not verify with it any more; those before still do. When a key was stolen, say since when: the list says nothing else.
Then give the new crl.pem to all who verify, and find what the key signed by "fedmsg keys compromised".`,
		Example: `  fedmsg keys ca revoke shell-host1.example.com
  fedmsg keys ca revoke shell-host1.example.com --since 2026-01-31
  fedmsg keys ca revoke 4f1d0a6be2c94375a8d2b0c6f4a19e37`,
		Args: cobra.ExactArgs(1),
	}
	since := cmd.Flags().String("since", "0s", "from when on: a time as 2026-01-31T12:00:00Z, a date, or how long ago, as 7d")
	all := cmd.Flags().Bool("all", false, "all certificates of this name that are in force")
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		return p.revocable(cmd, args), cobra.ShellCompDirectiveNoFileComp
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		now := time.Now()
		from, err := client.ParseSince(*since, now)
		if err != nil {
			_, why := fedmsg.Public(err)
			return fedmsg.Errorf(fedmsg.CodeUsage, "--since: %s", why)
		}
		return p.withCA(cmd, now, func(ca *pki.CA) error {
			revoked, err := ca.Revoke(args[0], *all, from, now)
			for _, r := range revoked {
				fmt.Fprintf(p.stdout, "revoked %s of %s from %s on\n", r.Serial, r.Name, r.Revoked.Format(time.RFC3339))
			}
			return err
		})
	}
	return cmd
}

// revocable names what can be revoked, for the completion of a first word.
func (p *program) revocable(cmd *cobra.Command, args []string) []string {
	dir, err := p.caDir(cmd)
	if err != nil || len(args) > 0 {
		return nil
	}
	o, err := pki.ReadCA(dir)
	if err != nil {
		return nil
	}
	var names []string
	for _, r := range o.Certificates {
		if r.InForce(time.Now()) {
			names = append(names, r.Name)
		}
	}
	return names
}

func (p *program) keysCACRL() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "crl",
		Short: "Write the revocation list anew, before it is out of date",
		Long: `Write the revocation list anew, before it is out of date: nodes refuse messages when the list has been for longer than
their grace. A timer does this well, once a week for a list of 30 days, with a copy to all who verify.`,
		Example: `  fedmsg keys ca crl
  fedmsg keys ca crl --valid 90d`,
		Args: cobra.NoArgs,
	}
	valid := cmd.Flags().String("valid", "", "how long this list and later ones are valid (default as the last one)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		now, d := time.Now(), time.Duration(0)
		var err error
		if *valid != "" {
			if d, err = parseValid("--valid", *valid, now); err != nil {
				return err
			}
		}
		if err := p.withCA(cmd, now, func(ca *pki.CA) error { return ca.WriteCRL(now, d) }); err != nil {
			return err
		}
		dir, err := p.caDir(cmd)
		if err != nil {
			return err
		}
		o, err := pki.ReadCA(dir)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "wrote %s, valid until %s\n", filepath.Join(dir, "crl.pem"), o.ListUntil.Format(time.RFC3339))
		return err
	}
	return cmd
}

func (p *program) keysCALs() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List what the authority issued, and what was revoked",
		Example: `  fedmsg keys ca ls
  fedmsg keys ca ls --format json | jq -r '.[] | select(.revoked) | .serial'`,
		Args: cobra.NoArgs,
	}
	format := formatFlag(cmd, "table")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkFormat(*format, "table"); err != nil {
			return err
		}
		dir, err := p.caDir(cmd)
		if err != nil {
			return err
		}
		o, err := pki.ReadCA(dir)
		if err != nil {
			return err
		}
		p.caNotes(o, time.Now())
		if *format == "json" {
			if o.Certificates == nil {
				o.Certificates = []pki.Record{}
			}
			return p.printJSON(o.Certificates)
		}
		return p.caTable(o, time.Now())
	}
	return cmd
}

// caNotes says what an operator should do soon.
func (p *program) caNotes(o pki.Overview, now time.Time) {
	switch {
	case o.Unfinished:
		p.note("the revocation list is damaged or lacks what an interrupted command was about to write; `fedmsg keys ca crl` writes it")
	case !now.Before(o.ListUntil):
		p.note("the revocation list is out of date since %s; `fedmsg keys ca crl` writes it anew", o.ListUntil.Format(time.DateTime))
	}
	if !now.Before(o.Expires) {
		p.note("the authority ended on %s; make a new one, and trust both until the old certificates are replaced", o.Expires.Format(time.DateOnly))
	}
}

func (p *program) caTable(o pki.Overview, now time.Time) error {
	w := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSERIAL\tALGORITHM\tISSUED\tEXPIRES\tSTATE")
	for _, r := range o.Certificates {
		state := "in force"
		switch {
		case !r.Revoked.IsZero():
			state = "revoked since " + r.Revoked.Format(time.DateTime)
		case !r.InForce(now):
			state = "over"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Serial, r.Algorithm, r.Issued.Format(time.DateOnly), r.Expires.Format(time.DateOnly), state)
	}
	return w.Flush()
}
