package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/trust"
)

// trustCommand is `fedmsg trust`: whom a node believes, and about what.
func (p *program) trustCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "Show whom this node trusts, and explain who may speak for a topic",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	stateFlags(cmd.PersistentFlags())
	cmd.PersistentFlags().String("trust", "", "trust file to ask in place of the node's configuration")
	_ = cmd.MarkPersistentFlagFilename("trust") // it is there
	cmd.AddCommand(p.trustExplain(), p.trustLs())
	return cmd
}

// trustExplain is `fedmsg trust explain`.
func (p *program) trustExplain() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain TOPIC SIGNER",
		Short: "Say whether a signer may speak for a topic, and which line decides",
		Long: `Say whether messages on TOPIC that SIGNER signed are taken, and which line of the configuration or trust file decides that.
Exit status 0 means that they are, 77 that they are not.

SIGNER is as entries have it, ROOT or ROOT/NAME, or a certificate's name, an OpenPGP fingerprint or the id of a key.`,
		Example: `  fedmsg trust explain org.example.prod.bts.bug.close bts
  fedmsg trust explain org.example.prod.bts.bug.close hosts/bts01.example.org --at 2026-01-31T12:00:00Z
  fedmsg trust explain org.example.prod.git.push shell-app01.example.org --trust trust.toml`,
		Args: cobra.ExactArgs(2),
	}
	at := cmd.Flags().String("at", "", "received at this time (2026-01-31T12:00:00Z), or so long ago (90m, 7d) (default now)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		now := time.Now()
		when := now
		if *at != "" {
			var err error
			if when, err = client.ParseSince(*at, now); err != nil {
				return err
			}
		}
		if err := fedmsg.DefaultLimits().CheckOldTopic(args[0]); err != nil {
			return err
		}
		if words := strings.Split(args[0], "."); slices.Contains(words, "*") || slices.Contains(words, "#") {
			return fedmsg.Errorf(fedmsg.CodeUsage, "%q is a pattern; ask for one whole topic", args[0])
		}
		path, err := cmd.Flags().GetString("trust")
		if err != nil {
			return err
		}
		store, err := p.openTrust(cmd, path)
		if err != nil {
			return err
		}
		return p.explain(store.Explain(args[0], args[1], when))
	}
	return cmd
}

// explain prints an answer.
func (p *program) explain(x trust.Explanation) error {
	answer := "allowed"
	if !x.Allowed {
		answer = "denied " + string(x.Code)
	}
	fmt.Fprintf(p.stdout, "%s\n%s\n", answer, ops.Printable(x.Line))
	for _, step := range x.Steps {
		fmt.Fprintf(p.stdout, "  %s\n", ops.Printable(step))
	}
	if !x.Allowed {
		return &exitError{status: fedmsg.CodeForbidden.ExitStatus()}
	}
	return nil
}

// trustLs is `fedmsg trust ls`.
func (p *program) trustLs() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the roots that are trusted, and what they may speak for",
		Example: `  fedmsg trust ls
  fedmsg trust ls --trust trust.toml`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		path, err := cmd.Flags().GetString("trust")
		if err != nil {
			return err
		}
		c, err := p.trustConfig(cmd, path)
		if err != nil {
			return err
		}
		roots := c.File.Trust
		if c.Path != "" {
			f, err := c.Read(c.Path)
			if err != nil {
				return err
			}
			roots = append(roots[:len(roots):len(roots)], f.Trust...)
		}
		store, err := trust.Open(c)
		if err != nil {
			return err
		}
		if err := p.rootsTable(&c, roots); err != nil {
			return err
		}
		for _, s := range store.Health(time.Now()) {
			p.note("%s: %s", s.Name, s.Text)
		}
		return nil
	}
	return cmd
}

// rootsTable lists the node itself and the roots.
func (p *program) rootsTable(c *trust.Config, roots []trust.Root) error {
	w := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tKIND\tTOPICS\tFILES")
	if c.Own != nil {
		count := fmt.Sprintf("%d keys", len(c.Own()))
		if len(c.Own()) == 1 {
			count = "1 key"
		}
		fmt.Fprintf(w, "%s\tthis node\t%s\t%s\n", ops.Printable(c.OwnName), joinPatterns(c.OwnTopics), count)
	}
	for i := range roots {
		r := &roots[i]
		kind, files := rootKind(r)
		for i, f := range files {
			files[i] = ops.Printable(filepath.Base(f))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", ops.Printable(r.Name), kind, joinPatterns(r.Topics), strings.Join(files, " "))
	}
	return w.Flush()
}

// rootKind says what a root is made of.
func rootKind(r *trust.Root) (kind string, files []string) {
	switch {
	case r.CA != "":
		kind, files = "authority", []string{r.CA}
		if r.CRL != "" {
			files = append(files, r.CRL)
		}
	case r.Keyring != "":
		kind, files = "keyring", []string{r.Keyring}
	default:
		kind, files = "keys", append(files, r.Keys...)
	}
	if r.Legacy {
		kind += " (legacy)"
	}
	return kind, files
}
