package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/receive"
)

// sourceCommand is `fedmsg source`: from where the node brings messages.
func (p *program) sourceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "source",
		Short: "Show the sources of the node: from where it brings messages of other buses and nodes",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	o := nodeClientFlags(cmd.PersistentFlags())
	cmd.AddCommand(p.sourceLs(o), p.sourceMail(o), p.sourcePoll(o))
	return cmd
}

// askSources asks the node for its sources.
func (p *program) askSources(cmd *cobra.Command, o *clientFlags) ([]receive.Status, error) {
	var answer struct {
		Sources []receive.Status `json:"sources"`
	}
	err := p.ask(cmd, o, "GET", "/v1/sources", &answer)
	return answer.Sources, err
}

func (p *program) sourceLs(o *clientFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the sources and what each has brought",
		Long: `List the sources and what each has brought since the start of the node. Of RECEIVED, DUPLICATES the log had already, and
REFUSED went to the dead letters. PASSED is what came beside these and no message was made of, such as mails that say nothing for
the bus. A source is held back while what it brings cannot be stored. What is wrong with a source stands
below it.`,
		Example: `  fedmsg source ls
  fedmsg source ls --format json | jq -r '.[] | select(.connected | not) | .name'`,
		Args: cobra.NoArgs,
	}
	format := formatFlag(cmd, "table")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkFormat(*format, "table"); err != nil {
			return err
		}
		sources, err := p.askSources(cmd, o)
		if err != nil {
			return err
		}
		if len(sources) == 0 {
			p.note("%s: the node has no sources", cmd.CommandPath())
		}
		if *format == "json" {
			return p.printJSON(sources)
		}
		return p.sourcesTable(sources)
	}
	return cmd
}

func (p *program) sourcesTable(sources []receive.Status) error {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSTATE\tRECEIVED\tDUPLICATES\tREFUSED\tPASSED\tDEAD\tFROM")
	for i := range sources {
		s := &sources[i]
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\n", s.Name, sourceState(s), s.Received, s.Duplicates, s.Refused, s.PassedOver, s.Dead, ops.Printable(s.From))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return p.withTroubles(b.String(), len(sources), func(i int) string {
		if sourceState(&sources[i]) == sourceConnected {
			return ""
		}
		return sources[i].LastError
	})
}

// What a source is doing, in the table.
const (
	sourceConnected = "connected"
	sourceHeldBack  = "held back"
	sourceWaiting   = "waiting"
)

func sourceState(s *receive.Status) string {
	switch {
	case s.HeldBack:
		return sourceHeldBack
	case s.Connected:
		return sourceConnected
	}
	return sourceWaiting
}
