package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/internal/nearest"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/poll"
	"github.com/federated-messaging/fedmsg/internal/rowset"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// sourcePoll is `fedmsg source poll`. The flags o, by which the node is found, serve to complete names alone.
func (p *program) sourcePoll(o *clientFlags) *cobra.Command {
	var dry, all bool
	cmd := &cobra.Command{
		Use:   "poll NAME --dry-run",
		Short: "Ask what a source polls, and print what would be published",
		Long: `Ask what a source polls once, as the node would, and print what the node would publish now: a line of JSON for each message.
Nothing is published and nothing is kept. The answer is compared with the rows that the node has kept, which only its user
and root can read; without any it is the first one, of which nothing is published unless first = "publish" says so.
With --all every row is printed, as a message about a new one.

The node polls by itself, as often as the key every says; it need not run for this.`,
		Example: `  fedmsg source poll wanna-build --dry-run
  sudo -u fedmsg fedmsg source poll wanna-build --dry-run | jq .body.key
  fedmsg source poll wanna-build --dry-run --all --config ./fedmsg.toml | head`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return p.sourceNames(cmd, o), cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().String("state", "", "the node's state directory (default as the configuration says)")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "publish nothing and keep nothing; must be given")
	cmd.Flags().BoolVar(&all, "all", false, "print every row, as if none had been kept")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !dry {
			return usageError(cmd, "--dry-run is missing: the running node polls by itself, and this only shows what it would publish", "")
		}
		l, err := p.loadConfig(cmd, settingFlags{"state": "state"})
		if err != nil {
			return err
		}
		p.warn(l.Warnings)
		return p.preview(cmd, &l.Config, args[0], all)
	}
	return cmd
}

// polled finds the source of a name and makes it.
func polled(c *config.Config, name string) (*poll.Source, error) {
	var names []string
	for _, m := range c.Source {
		if !strings.HasPrefix(m.From, poll.Scheme) {
			continue
		}
		if m.Name == name {
			source, _, err := c.NewPoll(m, filepath.Join(daemon.SourcesDir(c.State), name))
			return source, err
		}
		names = append(names, m.Name)
	}
	if best := nearest.Word(name, names); best != "" {
		return nil, fedmsg.Errorf(fedmsg.CodeNotFound, "the configuration has no source %q that polls; did you mean %q?", name, best)
	}
	return nil, fedmsg.Errorf(fedmsg.CodeNotFound, "the configuration has no source %q that polls; --config names the node's configuration", name)
}

// notAsRoot refuses to run a program as root that the node runs as the user of its state directory, who may be the one who can change
// it.
func notAsRoot(euid int, c *config.Config, name string) error {
	i := slices.IndexFunc(c.Source, func(s config.MessageSource) bool { return s.Name == name })
	if euid != 0 || i < 0 || len(c.Source[i].Poll.Command) == 0 {
		return nil
	}
	info, err := os.Stat(c.State)
	if err != nil {
		return nil // no node has run here
	}
	owner, known := info.Sys().(*syscall.Stat_t)
	if !known || owner.Uid == 0 {
		return nil
	}
	who := fmt.Sprintf("#%d", owner.Uid)
	if u, err := user.LookupId(who[1:]); err == nil {
		who = u.Username
	}
	return fedmsg.Errorf(fedmsg.CodeForbidden, "the program of source %s is run as %s by the node, and not as root; run `sudo -u %s fedmsg source poll %s --dry-run`",
		name, who, who, name)
}

// preview prints what a source would publish.
func (p *program) preview(cmd *cobra.Command, c *config.Config, name string, all bool) (err error) {
	source, err := polled(c, name)
	if err != nil {
		return err
	}
	if err := notAsRoot(os.Geteuid(), c, name); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "fedmsg-poll-")
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeCannotMake, err, "cannot make a directory to compare in; TMPDIR says where")
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	terminal := ops.Terminal(p.stdout)
	found, err := source.Preview(cmd.Context(), scratch, all, func(m wire.Carried) error {
		line := fedmsg.AppendJSONString([]byte(`{"topic":`), m.Topic)
		line = append(append(append(line, `,"body":`...), m.Body...), '}')
		if terminal {
			line = ops.AppendPrintable(nil, string(line))
		}
		_, err := p.stdout.Write(append(line, '\n'))
		return err
	})
	if errors.Is(err, os.ErrPermission) {
		return fedmsg.Errorf(fedmsg.CodeForbidden, "the rows that the node has kept of %s are not yours to read; run as its user, or with --all", name)
	}
	if err != nil {
		return err
	}
	p.note("%s: %s", cmd.CommandPath(), previewText(&found, all))
	return nil
}

// previewText is a line that says what came of it.
func previewText(found *poll.Preview, all bool) string {
	switch {
	case all:
		return fmt.Sprintf("the answer has %d rows", found.Rows)
	case found.Quiet:
		return fmt.Sprintf("the answer has %d rows and is the first one, of which nothing is published; --all shows them", found.Rows)
	}
	return fmt.Sprintf("the answer has %d rows, and before it were %d: %d added, %d changed, %d removed",
		found.Rows, found.Before, found.Count[rowset.Added], found.Count[rowset.Changed], found.Count[rowset.Removed])
}
