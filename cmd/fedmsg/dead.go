package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg/internal/deadletter"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// deadCommand is `fedmsg dead`: what could not be delivered or taken.
func (p *program) deadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "List, show, retry and drop dead letters: what sinks could not deliver and the node could not take from sources",
		Long: `List, show, retry and drop dead letters: messages that a sink has given up, or that a source brought and the node will never
take as they are. Each has a name, as in sink/rabbit/3 or source/umb/12, and stays until it is retried with success or
dropped. Only root and the user that the node runs as may see them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	o := nodeClientFlags(cmd.PersistentFlags())
	cmd.AddCommand(p.deadList(o), p.deadShow(o), p.deadRetry(o), p.deadDrop(o))
	return cmd
}

// deadPage is how many dead letters are asked for at once.
const deadPage = 1000

// letterName is the name of a dead letter on the command line.
func letterName(l *deadletter.Letter) string {
	return owner(l) + "/" + strconv.FormatUint(l.Number, 10)
}

// deadOf refuses what is not sink/NAME or source/NAME.
func deadOf(cmd *cobra.Command, of string) error {
	kind, name, ok := strings.Cut(of, "/")
	if !ok || name == "" || strings.Contains(name, "/") || kind != deadletter.KindSink && kind != deadletter.KindSource {
		return usageError(cmd, fmt.Sprintf("%q is not sink/NAME or source/NAME", of), "")
	}
	return nil
}

// askDead asks the node for a page of dead letters: of one sink or source, or from the oldest of each where of is empty.
func (p *program) askDead(cmd *cobra.Command, o *clientFlags, of string, after uint64, limit int) ([]deadletter.Letter, error) {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if of != "" {
		query.Set("of", of)
		query.Set("after", strconv.FormatUint(after, 10))
	}
	var answer struct {
		Dead []deadletter.Letter `json:"dead"`
	}
	err := p.ask(cmd, o, "GET", "/v1/dead?"+query.Encode(), &answer)
	return answer.Dead, err
}

// owner is the sink or source of a letter, as in sink/rabbit.
func owner(l *deadletter.Letter) string { return l.Kind + "/" + l.Of }

// eachDead gives the dead letters of one sink or source to do, or of all where of is empty, page by page.
func (p *program) eachDead(cmd *cobra.Command, o *clientFlags, of string, do func([]deadletter.Letter) error) error {
	letters, err := p.askDead(cmd, o, of, 0, deadPage)
	for err == nil && len(letters) > 0 {
		n := 1
		for n < len(letters) && owner(&letters[n]) == owner(&letters[0]) {
			n++
		}
		page := letters[:n]
		letters = letters[n:]
		for err == nil && len(page) > 0 {
			if err = do(page); err != nil || len(page) < deadPage {
				break
			}
			page, err = p.askDead(cmd, o, owner(&page[0]), page[len(page)-1].Number, deadPage)
		}
	}
	return err
}

func (p *program) deadList(o *clientFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list [sink/NAME|source/NAME]",
		Aliases: []string{"ls"},
		Short:   "List dead letters, of all or of one sink or source, from the oldest",
		Long: `List dead letters, of all or of one sink or source, from the oldest. Those of a sink or source that was renamed or taken out of
the configuration are among them, and can be shown and dropped, but not retried.`,
		Example: `  fedmsg dead list
  fedmsg dead list sink/rabbit
  fedmsg dead list --format json | jq -r '.[].reason' | sort | uniq -c`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: p.completeOwners(o),
	}
	format := formatFlag(cmd, "table")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkFormat(*format, "table"); err != nil {
			return err
		}
		of := ""
		if len(args) == 1 {
			of = args[0]
			if err := deadOf(cmd, of); err != nil {
				return err
			}
		}
		letters := []deadletter.Letter{}
		err := p.eachDead(cmd, o, of, func(some []deadletter.Letter) error {
			letters = append(letters, some...)
			return nil
		})
		switch {
		case err != nil:
			return err
		case *format == "json":
			return p.printJSON(letters)
		case len(letters) == 0:
			p.note("%s: there are no dead letters", cmd.CommandPath())
			return nil
		}
		return p.deadTable(letters)
	}
	return cmd
}

func (p *program) deadTable(letters []deadletter.Letter) error {
	w := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "LETTER\tGIVEN UP\tTOPIC\tWHY")
	for i := range letters {
		l := &letters[i]
		why := l.Reason
		if l.Left {
			why = "(" + l.Kind + " not configured any more) " + why
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", ops.Printable(letterName(l)), l.Time.Format(time.DateTime), ops.Printable(l.Topic), ops.Printable(why))
	}
	return w.Flush()
}

// letterPath gives the path of the dead letter that a word names.
func letterPath(cmd *cobra.Command, word string) (string, error) {
	i := strings.LastIndexByte(word, '/')
	if i < 0 {
		return "", usageError(cmd, fmt.Sprintf("%q is not the name of a dead letter, as in sink/rabbit/3", word), "")
	}
	if _, err := strconv.ParseUint(word[i+1:], 10, 64); err != nil {
		return "", usageError(cmd, fmt.Sprintf("%q does not end with the number of a dead letter, as in sink/rabbit/3", word), "")
	}
	if err := deadOf(cmd, word[:i]); err != nil {
		return "", err
	}
	kind, name, _ := strings.Cut(word[:i], "/")
	return "/v1/dead/" + kind + "/" + url.PathEscape(name) + word[i:], nil
}

func (p *program) deadShow(o *clientFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "show LETTER",
		Short: "Print a dead letter as JSON, with the message and why it was given up",
		Example: `  fedmsg dead show sink/rabbit/3
  fedmsg dead show sink/rabbit/3 | jq .entry.envelope`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: p.completeLetters(o, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := letterPath(cmd, args[0])
			if err != nil {
				return err
			}
			var text json.RawMessage
			if err := p.ask(cmd, o, "GET", path, &text); err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "%s\n", text)
			return err
		},
	}
}

// completeOwners completes a word by sink/NAME and source/NAME.
func (p *program) completeOwners(o *clientFlags) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for _, name := range p.sinkNames(cmd, o) {
			names = append(names, deadletter.KindSink+"/"+name)
		}
		for _, name := range p.sourceNames(cmd, o) {
			names = append(names, deadletter.KindSource+"/"+name)
		}
		defer completing(cmd)()
		letters, err := p.askDead(cmd, o, "", 0, 1)
		if err != nil {
			return names, cobra.ShellCompDirectiveNoFileComp
		}
		for i := range letters {
			if letters[i].Left {
				names = append(names, owner(&letters[i]))
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
