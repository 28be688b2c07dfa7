package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// statsFlags are the flags of numbers over time.
type statsFlags struct {
	by, bucket string
	names      []string
}

func (s *statsFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.by, "stats", "", "show numbers of messages by topic, category, user or package")
	f.StringVar(&s.bucket, "bucket", "day", "with --stats: a number for each day or hour (UTC)")
	f.StringArrayVar(&s.names, "name", nil, "with --stats: only of this topic, category, user or package; may be repeated")
	choices(cmd, "stats", "topic", "category", "user", "package")
	choices(cmd, "bucket", "day", "hour")
}

// check refuses what goes with no numbers, and a number of what is filtered: they are of all messages.
func (s *statsFlags) check(cmd *cobra.Command) error {
	if s.by == "" {
		for _, flag := range []string{"bucket", "name"} {
			if cmd.Flags().Changed(flag) {
				return fedmsg.Errorf(fedmsg.CodeUsage, "--%s goes with --stats", flag)
			}
		}
		return nil
	}
	switch s.by {
	case "topic", "category", "user", "package":
	default:
		return fedmsg.Errorf(fedmsg.CodeUsage, "--stats is topic, category, user or package, not %q", s.by)
	}
	if s.bucket != "day" && s.bucket != "hour" {
		return fedmsg.Errorf(fedmsg.CodeUsage, "--bucket is day or hour, not %q", s.bucket)
	}
	for _, flag := range []string{
		"topic", "prefix", "category", "user", "package", "sender", "signer", "severity", "id", "text", "where", "not-topic", "not-prefix",
		"not-category", "not-user", "not-package", "order", "limit", "min-position", "count",
	} {
		if cmd.Flags().Changed(flag) {
			return fedmsg.Errorf(fedmsg.CodeUsage, "--stats has the numbers of all messages, which --%s does not change; choose with --name, --since and --until, or use --count", flag)
		}
	}
	return nil
}

// numbersFormat refuses a format that numbers have not.
func numbersFormat(format string) error {
	if format == "pretty" || format == "json" || format == "csv" {
		return nil
	}
	return fedmsg.Errorf(fedmsg.CodeUsage, "numbers are shown as pretty, json or csv, not %q", format)
}

// showCount prints how many messages there are.
func (p *program) showCount(ctx context.Context, h history, o *queryFlags) error {
	if err := numbersFormat(o.format); err != nil {
		return err
	}
	n, more, err := h.Count(ctx, o.QueryOptions)
	if err != nil {
		return err
	}
	switch {
	case o.format == "json":
		return p.printJSON(map[string]any{"approximate": n, "more": more})
	case more:
		_, err = fmt.Fprintf(p.stdout, "more than %d\n", n)
	default:
		_, err = fmt.Fprintf(p.stdout, "%d\n", n)
	}
	return err
}

// showStats prints numbers over time.
func (p *program) showStats(ctx context.Context, h history, o *queryFlags) error {
	if err := numbersFormat(o.format); err != nil {
		return err
	}
	points, partial, err := h.Stats(ctx, client.StatsOptions{
		By: o.stats.by, Hourly: o.stats.bucket == "hour", Names: o.stats.names, Since: o.Since, Until: o.Until,
	})
	if err != nil {
		return err
	}
	if partial {
		p.note("fedmsg query: there was not the time to count all; the numbers are too low. Ask for less time or fewer names.")
	}
	layout := "2006-01-02"
	if o.stats.bucket == "hour" {
		layout = "2006-01-02 15:04"
	}
	switch o.format {
	case "json":
		return p.printJSON(map[string]any{"by": o.stats.by, "bucket": o.stats.bucket, "points": append([]client.StatsPoint{}, points...), "partial": partial})
	case "csv":
		w := csv.NewWriter(p.stdout)
		_ = w.Write([]string{"at", o.stats.by, "count"}) // Error tells of it
		for _, point := range points {
			_ = w.Write([]string{point.At.Format(time.RFC3339), csvCell(point.Name, ops.Terminal(p.stdout)), strconv.FormatInt(point.Count, 10)})
		}
		w.Flush()
		return w.Error()
	}
	w := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	for _, point := range points {
		fmt.Fprintf(w, "%s\t%s\t%d\n", point.At.UTC().Format(layout), ops.Printable(point.Name), point.Count)
	}
	return w.Flush()
}
