package main

import (
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
	"github.com/federated-messaging/fedmsg/internal/nearest"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// sinkCommand is `fedmsg sink`: what the node delivers to.
func (p *program) sinkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sink",
		Short: "Show, pause, resume and rewind the sinks of the node: where it delivers what it stores",
		Long: `Show, pause, resume and rewind the sinks of the node: the brokers, nodes and programs to which it delivers what it stores,
one [[sink]] of its configuration each. It talks to the node over its unix socket; root and the user that the node runs as
may change something.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	o := nodeClientFlags(cmd.PersistentFlags())
	cmd.AddCommand(p.sinkLs(o), p.sinkShow(o),
		p.sinkSteer(o, "pause", "Stop delivering to a sink until it is resumed, also over restarts of the node", "paused"),
		p.sinkSteer(o, "resume", "Let a paused sink go on from where it stands", "resumed"),
		p.sinkRewind(o))
	return cmd
}

func (p *program) sinkLs(o *clientFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the sinks and how far each is",
		Long: `List the sinks and how far each is. LAG is how many entries of the log are behind its position, wanted or not; AGE how long the
oldest of them that it still has to deliver has waited. What is wrong with a sink stands below it.`,
		Example: `  fedmsg sink ls
  fedmsg sink ls --format json | jq -r '.[] | select(.lag > 1000) | .name'`,
		Args: cobra.NoArgs,
	}
	format := formatFlag(cmd, "table")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkFormat(*format, "table"); err != nil {
			return err
		}
		sinks, err := p.askSinks(cmd, o)
		if err != nil {
			return err
		}
		if len(sinks) == 0 {
			p.note("%s: the node has no sinks", cmd.CommandPath())
		}
		if *format == "json" {
			return p.printJSON(sinks)
		}
		return p.sinksTable(sinks)
	}
	return cmd
}

func (p *program) sinksTable(sinks []deliver.Status) error {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSTATE\tLAG\tAGE\tDELIVERED\tDEAD\tTO")
	for i := range sinks {
		s := &sinks[i]
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%d\t%d\t%s\n", s.Name, s.State, s.Lag, age(s.LagTime), s.Delivered, s.Dead, ops.Printable(s.To))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return p.withTroubles(b.String(), len(sinks), func(i int) string {
		return sinkTrouble(&sinks[i], time.Now())
	})
}

// sinkTrouble is what is wrong with a sink now. One that is connected again may still not get through: then its last trouble came while
// the oldest entry that it has to deliver waited.
func sinkTrouble(s *deliver.Status, now time.Time) string {
	switch s.State {
	case deliver.StateWaiting, deliver.StateStopped:
		return s.LastError
	case deliver.StateRunning:
		if waits := time.Duration(s.LagTime * float64(time.Second)); waits > 0 && s.LastTime.After(now.Add(-waits)) {
			return s.LastError
		}
	}
	return ""
}

// withTroubles prints a table with a heading, and below each of its n rows what is wrong with it, if anything is.
func (p *program) withTroubles(table string, n int, trouble func(i int) string) error {
	lines := strings.SplitAfter(table, "\n")
	var b strings.Builder
	b.WriteString(lines[0])
	for i := range n {
		b.WriteString(lines[i+1])
		if text := trouble(i); text != "" {
			fmt.Fprintf(&b, "  %s\n", ops.Printable(text))
		}
	}
	_, err := fmt.Fprint(p.stdout, b.String())
	return err
}

// age writes seconds for people; nothing waits where there are none.
func age(seconds float64) string {
	if seconds <= 0 {
		return "-"
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

func (p *program) sinkShow(o *clientFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show NAME",
		Short:   "Show all that is known of one sink",
		Example: `  fedmsg sink show rabbit`,
		Args:    cobra.ExactArgs(1),

		ValidArgsFunction: p.completeSinks(o),
	}
	format := formatFlag(cmd, "text")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkFormat(*format, "text"); err != nil {
			return err
		}
		sinks, err := p.askSinks(cmd, o)
		if err != nil {
			return err
		}
		var names []string
		for i := range sinks {
			if names = append(names, sinks[i].Name); sinks[i].Name == args[0] {
				return p.printSink(&sinks[i], *format == "json")
			}
		}
		return unknownName("sink", args[0], names)
	}
	return cmd
}

// unknownName says that there is no sink or source of that name, and the nearest one.
func unknownName(kind, name string, names []string) error {
	meant := ""
	if near := nearest.Word(name, names); near != "" {
		meant = "; did you mean " + near + "?"
	}
	return fedmsg.Errorf(fedmsg.CodeNotFound, "there is no %s %q%s", kind, name, meant)
}

func (p *program) printSink(s *deliver.Status, asJSON bool) error {
	if asJSON {
		return p.printJSON(s)
	}
	w := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	row := func(name string, value any) { fmt.Fprintf(w, "%s\t%v\n", name, value) }
	row("name", s.Name)
	row("to", ops.Printable(s.To))
	row("state", s.State)
	row("position", s.Position)
	row("lag", s.Lag)
	row("age", age(s.LagTime))
	row("in flight", s.InFlight)
	row("delivered", s.Delivered)
	row("retried", s.Retried)
	row("skipped", s.Skipped)
	row("remarked", s.Remarked)
	row("dead", s.Dead)
	if s.LastError != "" {
		row("last error", ops.Printable(s.LastError))
		row("at", s.LastTime.Format(time.RFC3339))
	}
	return w.Flush()
}

// sinkSteer is a verb that changes what a sink does.
func (p *program) sinkSteer(o *clientFlags, verb, short, done string) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " NAME",
		Short:   short,
		Example: "  fedmsg sink " + verb + " rabbit",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.steerSink(cmd, o, args[0], verb, done)
		},
		ValidArgsFunction: p.completeSinks(o),
	}
}

// steerSink has the node change what a sink does, and says where it stands then.
func (p *program) steerSink(cmd *cobra.Command, o *clientFlags, name, action, done string) error {
	var s deliver.Status
	if err := p.ask(cmd, o, "POST", "/v1/sinks/"+url.PathEscape(name)+"/"+action, &s); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.stdout, "%s %s at %s\n", done, s.Name, s.Position)
	return err
}

func (p *program) sinkRewind(o *clientFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rewind NAME --to POSITION|beginning|now",
		Short: "Move a sink to another position of the log, backwards or forwards",
		Long: `Move a sink to another position of the log. It goes on with the entry behind it: backwards it delivers again what it had
delivered, forwards it leaves out what is between, which is counted as skipped.`,
		Example: `  fedmsg sink rewind rabbit --to k3v5q2m7x4ab-1042
  fedmsg sink rewind rabbit --to now`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: p.completeSinks(o),
	}
	to := cmd.Flags().String("to", "", "position LOGID-SEQ, beginning (the oldest entry there is) or now (only what comes from now on)")
	choices(cmd, "to", "beginning", "now")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *to == "" {
			return usageError(cmd, "--to is missing: a position, beginning or now", "")
		}
		return p.steerSink(cmd, o, args[0], "rewind?to="+url.QueryEscape(*to), "rewound")
	}
	return cmd
}
