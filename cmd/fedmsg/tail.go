package main

import (
	"errors"
	"fmt"
	"iter"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/filter"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/mesh"
)

// tailFlags are the flags of `fedmsg tail`.
type tailFlags struct {
	*clientFlags
	topics, prefixes     []string
	senders, signers     []string
	where                string
	after, since, format string
	limit                int
	mesh                 meshFlags
}

// tailCommand is `fedmsg tail`.
func (p *program) tailCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tail [--topic PATTERN]… [--after POSITION | --since TIME]",
		Short: "Show messages as they come, or from a point in the past",
		Long: `Show messages as they come, or from a point in the past on. When the connection breaks, tail connects again and goes on
where it stood. If the node can no longer give what lies in between, tail says so on standard error.

In a pattern * stands for one word and # for any number of words. --where is an expression over topic, id, sender, signer, verdict,
received, username, headers and msg, and over what was found of a message: category, users, packages, severity and text("two words");
such as 'msg.bug.severity in ["grave", "serious"] and "ann" in users'. Where one of them is missing a comparison is false.
All that is given must be met. The signer is who said it, as the node verified it, or that nobody signed it or looked. The sender
is who handed it to the node, as the node authenticated it; a name that the message merely claims is shown as a claim.

With --mesh it asks no node, but listens over ZeroMQ to the publishers themselves: to all in an endpoints file or of a DNS
domain, as they come and go. Signatures are verified here, by the configuration's [[trust]] or by --trust. What publishers
number is shown without holes; --after 0 begins with the oldest that they keep.

Formats: pretty (for reading), terse (one line each), json (the entry, one a line), raw (the envelope, one a line), csv.`,
		Example: `  fedmsg tail
  fedmsg tail --topic 'org.example.*.git.#' --since 1h
  fedmsg tail --prefix org.example.prod. --format json | jq .envelope.msg
  fedmsg tail --after k3v5q2m7x4ab-1042 --limit 10
  fedmsg tail --sender uid:1000 --where 'topic endsWith ".git.receive" and msg.commit.branch == "main"'
  fedmsg tail --mesh /etc/fedmsg/endpoints --format terse
  fedmsg tail --mesh srv:example.org --verify require --trust trust.toml`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{wordsHint: "patterns of topics go with --topic"},
	}
	f := cmd.Flags()
	o := tailFlags{clientFlags: nodeClientFlags(f)}
	o.register(f)
	o.mesh.register(cmd, f)
	choices(cmd, "format", formats()...)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.mesh.check(cmd, "node", "token-file", "timeout", "since"); err != nil {
			return err
		}
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
	f.StringArrayVar(&o.senders, "sender", nil, "who handed the message to the node, KIND:NAME as in uid:1000, or KIND; may be repeated")
	f.StringArrayVar(&o.signers, "signer", nil, "who signed it, ROOT or ROOT/NAME; may be repeated")
	f.StringVar(&o.where, "where", "", "expression that must be true of the message")
	f.StringVar(&o.after, "after", "", "position to go on behind; 0 is the very beginning")
	f.StringVar(&o.since, "since", "", "time (2026-01-31T12:00:00Z) or how long ago (90m, 7d) to begin at")
	f.StringVar(&o.format, "format", "pretty", "pretty, terse, json, raw or csv")
	f.IntVar(&o.limit, "limit", 0, "end after so many messages; 0 is no limit")
}

// follow makes of the flags what the client is asked for.
func (o *tailFlags) follow(now time.Time) (follow client.FollowOptions, err error) {
	follow = client.FollowOptions{Prefixes: o.prefixes, Senders: o.senders, Signers: o.signers, Where: o.where, FailFast: true}
	for _, text := range o.topics {
		pattern, err := parsePattern(text)
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

// parsePattern reads a pattern of --topic; a URL's cures are none here.
func parsePattern(text string) (fedmsg.Pattern, error) {
	if begin, ok := strings.CutSuffix(text, "."); ok && begin != "" {
		return fedmsg.Pattern{}, fedmsg.Errorf(fedmsg.CodeBadPattern, "pattern %q ends with a dot; write '%s.#', or --prefix %s", text, strings.TrimSuffix(begin, ".#"), text)
	}
	pattern, err := fedmsg.ParsePattern(text)
	if err != nil {
		code, why := fedmsg.Public(err)
		err = fedmsg.Errorf(code, "%s", strings.Replace(why, "ask with prefix= for", "ask with --prefix for", 1))
	}
	return pattern, err
}

// warnShort tells of a pattern that is a short topic: publish completes those, so nothing is published on them. A whole topic begins
// with this node's prefix, or is of another bus and then has at least its environment among its words.
func (p *program) warnShort(verb string, cfg config.Config, topics []string) {
	for _, t := range topics {
		whole := strings.HasPrefix(t, cfg.TopicPrefix+".") || slices.ContainsFunc(strings.Split(t, "."), func(word string) bool {
			return slices.Contains([]string{"dev", "stg", "prod", "production"}, word)
		})
		if !whole && !strings.ContainsAny(t, "*#") {
			p.note("%s: nothing may ever match %s: publish puts prefix and environment before a short topic; did you mean --topic %s?",
				verb, t, fedmsg.FullTopic(cfg.TopicPrefix, cfg.Environment, "", t))
		}
	}
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
	p.warnShort(cmd.CommandPath(), cfg, o.topics)
	ctx, stop := watchReader(cmd.Context(), p.stdout)
	defer stop()
	signal.Ignore(syscall.SIGPIPE) // a reader that has seen enough, as head, is no failure: the write says so
	if len(o.mesh.sources) > 0 {
		wanted, err := meshFilter(&follow)
		if err != nil {
			return err
		}
		r, err := p.newMeshReader(cmd, &cfg, &o.mesh, wanted)
		if err != nil {
			return err
		}
		if r.options.Oldest = follow.All; !follow.After.IsZero() {
			return fedmsg.Errorf(fedmsg.CodeUsage, "the mesh has no positions; with --mesh only --after 0 makes sense, which begins with the oldest messages that publishers keep")
		}
		return p.show(o.limit, r.entries(ctx), show)
	}
	c, err := p.newClient(cfg, o.clientFlags, false)
	if err != nil {
		return err
	}
	defer c.Close()
	follow.Lost, follow.Resumed = p.connection("fedmsg tail")
	return p.show(o.limit, c.Follow(ctx, follow), show)
}

// meshFilter is what the flags ask for where no node looks at it.
func meshFilter(o *client.FollowOptions) (f filter.Filter, err error) {
	f = filter.Filter{Topics: o.Topics, Prefixes: o.Prefixes, Senders: o.Senders, Signers: o.Signers, Scope: []fedmsg.Pattern{fedmsg.MatchAll()}}
	if err = filter.CheckSenders(o.Senders); err == nil {
		err = filter.CheckSigners(o.Signers)
	}
	if err == nil && o.Where != "" {
		f.Where, err = filter.ParseWhere(o.Where)
	}
	return f, err
}

// show prints entries until the limit, an error, the end of the reader, or the user's interrupt, which is how a tail ends.
func (p *program) show(limit int, entries iter.Seq2[fedmsg.Entry, error], show *printer) error {
	w := newLive(p.stdout)
	_, _ = w.Write(show.head) // the writes behind it have the same error
	count := 0
	for e, err := range entries {
		if gap, ok := errors.AsType[*fedmsg.Gap](err); ok {
			p.note("fedmsg tail: %s", gapText(gap))
			continue
		}
		if gap, ok := errors.AsType[*mesh.Gap](err); ok {
			p.note("fedmsg tail: %s", gap.Error())
			continue
		}
		if err != nil {
			_ = w.Close() // err says more
			return err
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

// gapText says what cannot be shown, and why.
func gapText(g *fedmsg.Gap) string {
	switch g.Reason {
	case fedmsg.GapTrimmed:
		return fmt.Sprintf("messages %s to %s cannot be shown: they were removed after their time in the log", g.From, g.To)
	case fedmsg.GapDamaged:
		return fmt.Sprintf("messages %s to %s cannot be shown: they are damaged on the node's disk; see `fedmsg check` there", g.From, g.To)
	case fedmsg.GapOtherLog:
		return fmt.Sprintf("position %s is of a log that this node does not know; what is here is shown from %s on", g.From, g.To)
	case fedmsg.GapAhead:
		return fmt.Sprintf("position %s lies beyond the end of the log at %s, which was probably restored from a backup (see `fedmsg log adopt --help`); "+
			"what comes from now on is shown, and messages may be missing", g.From, g.To)
	}
	return g.Error() + "; these messages cannot be shown"
}
