package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/span"
	"github.com/federated-messaging/fedmsg/internal/token"
)

// tokenCommand is `fedmsg token`: who may come in over HTTP.
func (p *program) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke the tokens with which others publish and read over HTTP",
		Long: `Make, list and revoke tokens. They are kept in tokens.json in the state directory, readable by its owner alone, as
hashes: a lost secret cannot be shown again. A running node sees a change within a second; a stream that a revoked token
has open may publish for some seconds more.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	stateFlags(cmd.PersistentFlags())
	cmd.AddCommand(p.tokenNew(), p.tokenLs(), p.tokenRevoke())
	return cmd
}

func (p *program) tokenNew() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Make a token and print its secret, once",
		Long: `Make a token and print its secret on standard output. NAME stands as the sender of what is published with the token.
A token may do nothing but what --publish and --read say. The secret goes into the header "Authorization: Bearer SECRET".`,
		Example: `  fedmsg token new ci --publish 'org.debian.prod.ci.#'
  fedmsg token new dashboard --read '#' --expires 90d
  fedmsg token new bridge --publish 'org.debian.prod.bts.#' --publish 'org.debian.prod.git.*.*' --read '#' > secret`,
		Args: cobra.ExactArgs(1),
	}
	publish := cmd.Flags().StringArray("publish", nil, "pattern of topics that it may publish on; may be repeated")
	read := cmd.Flags().StringArray("read", nil, "pattern of topics that it may read; may be repeated")
	expires := cmd.Flags().String("expires", "", "time until it ends, as in 12h or 90d (default never)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(*publish)+len(*read) == 0 {
			return fedmsg.Errorf(fedmsg.CodeUsage, "a token without --publish and --read may do nothing; --read '#' lets it read everything")
		}
		t, secret, err := newToken(args[0], *publish, *read, *expires, time.Now())
		if err != nil {
			return err
		}
		state, err := p.stateDir(cmd)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(state, 0o700); err != nil {
			return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make the state directory %s; run as its owner, or name another one by --state", state)
		}
		if err := token.Add(daemon.TokensFile(state), t); err != nil {
			return err
		}
		fmt.Fprintf(p.stderr, "made token %s in %s; its secret is not shown again; a running node knows it within a second\n", t.Name, daemon.TokensFile(state))
		_, err = fmt.Fprintln(p.stdout, secret)
		return err
	}
	return cmd
}

// newToken makes a token of what stands on the command line.
func newToken(name string, publish, read []string, expires string, now time.Time) (token.Token, string, error) {
	var until time.Time
	p, err := parsePatterns("--publish", publish)
	if err != nil {
		return token.Token{}, "", err
	}
	r, err := parsePatterns("--read", read)
	if err != nil {
		return token.Token{}, "", err
	}
	if expires != "" {
		d, err := parseLifetime(expires)
		if err != nil {
			return token.Token{}, "", err
		}
		until = now.Add(d)
	}
	return token.New(name, p, r, now, until)
}

func parsePatterns(flag string, texts []string) ([]fedmsg.Pattern, error) {
	var list []fedmsg.Pattern
	for _, text := range texts {
		p, err := fedmsg.ParsePattern(text)
		if err != nil {
			_, why := fedmsg.Public(err)
			return nil, fedmsg.Errorf(fedmsg.CodeBadPattern, "%s: %s", flag, why)
		}
		list = append(list, p)
	}
	return list, nil
}

// maxLifetime is the longest time that a token can be given; one that never ends is given none.
const maxLifetime = 100 * 365 * 24 * time.Hour

// parseLifetime reads a time such as 12h, 1h30m or 90d.
func parseLifetime(s string) (time.Duration, error) {
	d, ok := span.Parse(s)
	if !ok || d < time.Second || d > maxLifetime {
		return 0, fedmsg.Errorf(fedmsg.CodeUsage, "--expires is a time from 1s to 36500d, as in 12h or 90d, not %q", s)
	}
	return d, nil
}

func (p *program) tokenLs() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the tokens and what they may do",
		Example: `  fedmsg token ls
  fedmsg token ls --format json | jq -r '.[].name'`,
		Args: cobra.NoArgs,
	}
	format := formatFlag(cmd, "table")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkFormat(*format, "table"); err != nil {
			return err
		}
		state, err := p.stateDir(cmd)
		if err != nil {
			return err
		}
		tokens, err := token.Read(daemon.TokensFile(state))
		if err != nil {
			return err
		}
		if len(tokens) == 0 {
			p.note("%s: there are no tokens in %s", cmd.CommandPath(), state)
		}
		if *format == "json" {
			return p.tokensJSON(tokens)
		}
		return p.tokensTable(tokens, time.Now())
	}
	return cmd
}

// tokensJSON writes the tokens without their hashes, which are nobody's business.
func (p *program) tokensJSON(tokens []token.Token) error {
	type row struct {
		Name    string           `json:"name"`
		Created time.Time        `json:"created"`
		Expires time.Time        `json:"expires,omitzero"`
		Publish []fedmsg.Pattern `json:"publish,omitempty"`
		Read    []fedmsg.Pattern `json:"read,omitempty"`
	}
	rows := make([]row, len(tokens))
	for i, t := range tokens {
		rows[i] = row{t.Name, t.Created, t.Expires, t.Publish, t.Read}
	}
	return p.printJSON(rows)
}

func (p *program) tokensTable(tokens []token.Token, now time.Time) error {
	w := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tCREATED\tEXPIRES\tPUBLISH\tREAD")
	for _, t := range tokens {
		expires := "never"
		if !t.Expires.IsZero() {
			expires = t.Expires.Format(time.DateTime)
			if !now.Before(t.Expires) {
				expires += " (over)"
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.Name, t.Created.Format(time.DateTime), expires, joinPatterns(t.Publish), joinPatterns(t.Read))
	}
	return w.Flush()
}

// joinPatterns writes patterns into a cell of a table.
func joinPatterns(list []fedmsg.Pattern) string {
	if len(list) == 0 {
		return "-"
	}
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = ops.Printable(p.String())
	}
	return strings.Join(texts, " ")
}

func (p *program) tokenRevoke() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke NAME",
		Short:   "Take a token away",
		Example: `  fedmsg token revoke ci`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			state, err := p.stateDir(cmd)
			if err != nil {
				return err
			}
			// A directory that is not there has no token: asking must not make a lock in it.
			file := daemon.TokensFile(state)
			if _, err := os.Stat(file); os.IsNotExist(err) {
				return fedmsg.Errorf(fedmsg.CodeNotFound, "there is no token %q: there are no tokens in %s", args[0], state)
			}
			if err := token.Revoke(file, args[0]); err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "revoked token %s\n", args[0])
			return err
		},
	}
}
