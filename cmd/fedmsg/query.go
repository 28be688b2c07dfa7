package main

import (
	"context"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// queryFlags are the flags of `fedmsg query`.
type queryFlags struct {
	*clientFlags
	client.QueryOptions         // what stands in it as it is
	topics, notTopics           []string
	since, until, order, format string
	minPosition                 string
	count                       bool
	stats                       statsFlags
	archive                     archiveFlags
}

// queryCommand is `fedmsg query`.
func (p *program) queryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "query [--topic PATTERN]… [--user NAME]… [--since TIME] [--where EXPR] …",
		Short: "Search the history",
		Long: `Search the history that a node's archive keeps, or straight an archive's file or database.

All that is given must be met; of several values of one flag one is enough. Without --since and --until all time is searched, and
without --limit everything that is found is shown, newest first. In a pattern * stands for one word and # for any number of
words. --where is an expression as of fedmsg tail. --text finds messages that have all the words somewhere.

With --count it only says how many there are, up to some bound. With --stats it shows numbers by day or hour.

Formats: pretty (for reading), terse (one line each), json (the entry, one a line), raw (the envelope, one a line), csv.`,
		Example: `  fedmsg query --topic 'org.example.*.git.#' --since 2d --format terse
  fedmsg query --user alice --package nginx --limit 10
  fedmsg query --text 'kernel panic' --not-category buildsys --since 2026-01-01 --until 2026-02-01
  fedmsg query --where 'msg.update.karma > 3' --order oldest --format raw > updates.jsonl
  fedmsg query --stats category --since 365d
  fedmsg query --archive /var/lib/fedmsg/archive.sqlite --category bts --count`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{wordsHint: "words to look for go with --text, patterns of topics with --topic"},
	}
	f := cmd.Flags()
	o := queryFlags{clientFlags: nodeClientFlags(f)}
	o.register(cmd, "newest")
	o.stats.register(cmd)
	f.BoolVar(&o.count, "count", false, "only say how many there are")
	f.StringVar(&o.format, "format", "pretty", "pretty, terse, json, raw or csv; with --count and --stats pretty, json or csv")
	choices(cmd, "format", formats()...)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.stats.check(cmd); err != nil {
			return err
		}
		if err := o.archive.check(cmd); err != nil {
			return err
		}
		if err := o.read(time.Now()); err != nil {
			return err
		}
		return p.query(cmd, &o)
	}
	return cmd
}

// register adds the flags that say which messages are meant.
func (o *queryFlags) register(cmd *cobra.Command, order string) {
	f, q := cmd.Flags(), &o.QueryOptions
	o.archive.register(cmd)
	f.StringArrayVar(&o.topics, "topic", nil, "pattern of topics; may be repeated")
	f.StringArrayVar(&q.Prefixes, "prefix", nil, "beginning of topics; may be repeated")
	f.StringArrayVar(&q.Categories, "category", nil, "service in the topic, as bts; may be repeated")
	f.StringArrayVar(&q.Users, "user", nil, "somebody whom the message is about; may be repeated")
	f.StringArrayVar(&q.Packages, "package", nil, "package that the message is about; may be repeated")
	f.StringArrayVar(&q.Senders, "sender", nil, "who handed the message to the node, KIND:NAME as in uid:1000, or KIND; may be repeated")
	f.StringArrayVar(&q.Signers, "signer", nil, "who signed it, ROOT or ROOT/NAME; may be repeated")
	f.StringArrayVar(&q.Severities, "severity", nil, "debug, info, warning or error; may be repeated")
	f.StringArrayVar(&q.IDs, "id", nil, "id of the message; may be repeated")
	f.StringVar(&q.Text, "text", "", "words that must all stand somewhere in the message")
	f.StringVar(&q.Where, "where", "", "expression that must be true of the message")
	f.StringArrayVar(&o.notTopics, "not-topic", nil, "pattern of topics to leave out; may be repeated")
	f.StringArrayVar(&q.NotPrefixes, "not-prefix", nil, "beginning of topics to leave out; may be repeated")
	f.StringArrayVar(&q.NotCategories, "not-category", nil, "service to leave out; may be repeated")
	f.StringArrayVar(&q.NotUsers, "not-user", nil, "user to leave out; may be repeated")
	f.StringArrayVar(&q.NotPackages, "not-package", nil, "package to leave out; may be repeated")
	f.StringVar(&o.since, "since", "", "time (2026-01-31T12:00:00Z) or how long ago (90m, 2d) of the first; default: the beginning")
	f.StringVar(&o.until, "until", "", "time or how long ago before which the last was received; default: now")
	f.StringVar(&o.order, "order", order, "newest or oldest first")
	f.IntVar(&q.Limit, "limit", 0, "end after so many messages; 0 is no limit")
	f.StringVar(&o.minPosition, "min-position", "", "wait until the archive knows everything up to this position, as of a receipt")
	choices(cmd, "order", "newest", "oldest")
	for _, words := range []string{"category", "not-category", "topic", "not-topic", "prefix", "not-prefix", "user", "not-user", "package", "not-package", "sender", "signer", "id", "text", "where"} {
		choices(cmd, words) // a file is none of them
	}
	choices(cmd, "severity", "debug", "info", "warning", "error")
}

// read makes of the flags what is asked for.
func (o *queryFlags) read(now time.Time) (err error) {
	q := &o.QueryOptions
	if q.Topics, err = topicPatterns(o.topics); err != nil {
		return err
	}
	if q.NotTopics, err = topicPatterns(o.notTopics); err != nil {
		return err
	}
	if q.Since, q.Until, err = parseBetween(o.since, o.until, now); err != nil {
		return err
	}
	if o.minPosition != "" {
		if q.MinPosition, err = fedmsg.ParsePosition(o.minPosition); err != nil {
			return err
		}
	}
	switch {
	case q.Limit < 0:
		return fedmsg.Errorf(fedmsg.CodeUsage, "--limit must not be negative")
	case o.order != "newest" && o.order != "oldest":
		return fedmsg.Errorf(fedmsg.CodeUsage, "--order is newest or oldest, not %q", o.order)
	}
	q.Oldest = o.order == "oldest"
	return nil
}

func topicPatterns(texts []string) (all []fedmsg.Pattern, err error) {
	for _, text := range texts {
		pattern, err := parsePattern(text)
		if err != nil {
			return nil, err
		}
		all = append(all, pattern)
	}
	return all, nil
}

// parseBetween reads --since and --until.
func parseBetween(since, until string, now time.Time) (from, to time.Time, err error) {
	if since != "" {
		if from, err = client.ParseSince(since, now); err != nil {
			return from, to, err
		}
	}
	if until != "" {
		if to, err = client.ParseSince(until, now); err != nil {
			return from, to, err
		}
	}
	if since != "" && until != "" && !from.Before(to) {
		err = fedmsg.Errorf(fedmsg.CodeUsage, "--until %s is not after --since %s", to.Format(time.RFC3339), from.Format(time.RFC3339))
	}
	return from, to, err
}

// query runs the verb.
func (p *program) query(cmd *cobra.Command, o *queryFlags) error {
	h, err := p.openHistory(cmd, o)
	if err != nil {
		return err
	}
	defer h.Close()
	ctx, stop := watchReader(cmd.Context(), p.stdout)
	defer stop()
	signal.Ignore(syscall.SIGPIPE) // a reader that has seen enough, as head, is no failure: the write says so
	switch {
	case o.stats.by != "":
		err = p.showStats(ctx, h, o)
	case o.count:
		err = p.showCount(ctx, h, o)
	default:
		err = p.showFound(ctx, cmd, h, o)
	}
	return interrupted(cmd.Context(), err)
}

// showFound prints the messages.
func (p *program) showFound(ctx context.Context, cmd *cobra.Command, h history, o *queryFlags) error {
	show, err := newPrinter(o.format, ops.Color(p.stdout, p.getenv), ops.Terminal(p.stdout))
	if err != nil {
		return err
	}
	search := searchMeter{meter: p.searchMeter()}
	q := o.QueryOptions
	q.Progress = search.show
	err = p.show(0, search.count(h.Query(ctx, q)), show)
	search.clear()
	if err == nil && search.found == 0 && ctx.Err() == nil {
		p.note("fedmsg query: no message was found")
		if cfg, err := p.clientConfig(cmd, o.clientFlags); err == nil {
			p.warnShort(cmd.CommandPath(), cfg, o.topics)
		}
	}
	return err
}
