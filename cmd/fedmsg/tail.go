package main

import (
	"context"
	"errors"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// tailFlags are the flags of `fedmsg tail`.
type tailFlags struct {
	*clientFlags
	topics, prefixes     []string
	after, since, format string
	limit                int
}

// tailCommand is `fedmsg tail`.
func (p *program) tailCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tail [--topic PATTERN]… [--after POSITION | --since TIME]",
		Short: "Show messages as they come, or from a point in the past",
		Long: `Show messages as they come, or from a point in the past on. When the connection breaks, tail connects again and goes on
where it stood. If the node can no longer give what lies in between, tail says so on standard error.

In a pattern * stands for one word and # for any number of words. The sender is who handed the message to the node, as the
node authenticated it; a name that the message merely claims is shown as a claim.

Formats: pretty (for reading), terse (one line each), json (the entry, one a line), raw (the envelope, one a line).`,
		Example: `  fedmsg tail
  fedmsg tail --topic 'org.example.*.git.#' --since 1h
  fedmsg tail --prefix org.example.prod. --format json | jq .envelope.msg
  fedmsg tail --after k3v5q2m7x4ab-1042 --limit 10`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	o := tailFlags{clientFlags: nodeClientFlags(f)}
	o.register(f)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		follow, err := o.follow(time.Now())
		if err != nil {
			return err
		}
		return p.tail(cmd, &o, follow)
	}
	return cmd
}

func (o *tailFlags) register(f *pflag.FlagSet) {
	f.StringArrayVar(&o.topics, "topic", nil, "pattern of topics; may be repeated")
	f.StringArrayVar(&o.prefixes, "prefix", nil, "beginning of topics; may be repeated")
	f.StringVar(&o.after, "after", "", "position to go on behind; 0 is the very beginning")
	f.StringVar(&o.since, "since", "", "time (2026-01-31T12:00:00Z) or how long ago (90m, 7d) to begin at")
	f.StringVar(&o.format, "format", "pretty", "pretty, terse, json or raw")
	f.IntVar(&o.limit, "limit", 0, "end after so many messages; 0 is no limit")
}

// follow makes of the flags what the client is asked for.
func (o *tailFlags) follow(now time.Time) (follow client.FollowOptions, err error) {
	follow = client.FollowOptions{Prefixes: o.prefixes, FailFast: true}
	for _, text := range o.topics {
		pattern, err := fedmsg.ParsePattern(text)
		if err != nil {
			return follow, err
		}
		follow.Topics = append(follow.Topics, pattern)
	}
	switch {
	case o.after != "" && o.since != "":
		return follow, fedmsg.Errorf(fedmsg.CodeUsage, "give either --after or --since, not both")
	case o.limit < 0:
		return follow, fedmsg.Errorf(fedmsg.CodeUsage, "--limit must not be negative")
	case o.after == "0":
		follow.All = true
	case o.after != "":
		follow.After, err = fedmsg.ParsePosition(o.after)
	case o.since != "":
		follow.Since, err = client.ParseSince(o.since, now)
	}
	return follow, err
}

// tail runs the verb.
func (p *program) tail(cmd *cobra.Command, o *tailFlags, follow client.FollowOptions) error {
	show, err := newPrinter(o.format, ops.Color(p.stdout, p.getenv), ops.Terminal(p.stdout))
	if err != nil {
		return err
	}
	cfg, err := p.clientConfig(cmd, o.clientFlags)
	if err != nil {
		return err
	}
	c, err := p.newClient(cfg, o.clientFlags, false)
	if err != nil {
		return err
	}
	defer c.Close()
	signal.Ignore(syscall.SIGPIPE) // a reader that has seen enough, as head, is no failure: the write says so
	follow.Lost = func(err error, wait time.Duration) {
		p.note("fedmsg tail: %s; trying again in %s", err, wait.Round(10*time.Millisecond).String())
	}
	follow.Resumed = func() { p.note("fedmsg tail: connected again") }
	return p.show(cmd.Context(), c, o.limit, follow, show)
}

// show prints entries until the limit, an error, the end of the reader, or the user's interrupt, which is how a tail ends.
func (p *program) show(ctx context.Context, c *client.Client, limit int, follow client.FollowOptions, show *printer) error {
	w := newLive(p.stdout)
	count := 0
	for e, err := range c.Follow(ctx, follow) {
		if gap, ok := errors.AsType[*fedmsg.Gap](err); ok {
			p.note("fedmsg tail: %s; these messages cannot be shown", gap)
			continue
		}
		if err != nil {
			return errors.Join(w.Close(), err)
		}
		_, err := w.Write(show.entry(&e))
		if count++; err == nil && count == limit {
			break
		}
		if err != nil {
			break
		}
	}
	if err := w.Close(); err != nil && !errors.Is(err, syscall.EPIPE) {
		return fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot print")
	}
	return nil
}
