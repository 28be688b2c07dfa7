package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deadletter"
)

// deadVerb is a verb that does something to dead letters, each named or all of one sink or source.
func (p *program) deadVerb(o *clientFlags, cmd *cobra.Command, each func(cmd *cobra.Command, path, name string) error) *cobra.Command {
	cmd.Args = cobra.ArbitraryArgs
	cmd.ValidArgsFunction = p.completeLetters(o, 0)
	all := cmd.Flags().String("all", "", "all of sink/NAME or source/NAME, in place of names of letters")
	_ = cmd.RegisterFlagCompletionFunc("all", p.completeOwners(o)) // its error is that there is no such flag
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case *all == "" && len(args) == 0:
			return usageError(cmd, "LETTER is missing, as in sink/rabbit/3", "")
		case *all != "" && len(args) > 0:
			return usageError(cmd, "give either letters or --all, not both", "")
		case *all != "":
			if err := deadOf(cmd, *all); err != nil {
				return err
			}
			err := p.eachDead(cmd, o, *all, func(some []deadletter.Letter) error {
				for i := range some {
					args = append(args, letterName(&some[i]))
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		var paths []string
		for _, word := range args {
			path, err := letterPath(cmd, word)
			if err != nil {
				return err
			}
			paths = append(paths, path)
		}
		var failed error
		for i, path := range paths {
			err := each(cmd, path, args[i])
			if cmd.Context().Err() != nil {
				return interrupted(cmd.Context(), err)
			}
			if err != nil && len(paths) > 1 {
				p.note("%s: %s: %s", cmd.CommandPath(), args[i], err)
			}
			failed = worse(failed, err)
		}
		if failed != nil && len(paths) > 1 {
			return &exitError{fedmsg.CodeOf(failed).ExitStatus()}
		}
		return failed
	}
	return cmd
}

// deadRetryTime is how long a retry may take: the node answers before.
const deadRetryTime = 40 * time.Second

func (p *program) deadRetry(o *clientFlags) *cobra.Command {
	return p.deadVerb(o, &cobra.Command{
		Use:   "retry LETTER... | --all sink/NAME|source/NAME",
		Short: "Try dead letters again; those that go through are gone then",
		Long: `Try dead letters again, one after the other: one of a sink is delivered, out of the log's order; one of a source goes through
the door of the node. Those that go through are dead letters no longer; the others stay.`,
		Example: `  fedmsg dead retry sink/rabbit/3 sink/rabbit/4
  fedmsg dead retry --all sink/rabbit`,
	}, func(cmd *cobra.Command, path, name string) error {
		patient := *o
		if !cmd.Flags().Changed("timeout") {
			patient.timeout = deadRetryTime
		}
		var answer struct{}
		if err := p.ask(cmd, &patient, "POST", path+"/retry", &answer); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.stdout, "%s went through\n", name)
		return err
	})
}

func (p *program) deadDrop(o *clientFlags) *cobra.Command {
	return p.deadVerb(o, &cobra.Command{
		Use:   "drop LETTER... | --all sink/NAME|source/NAME",
		Short: "Remove dead letters for good",
		Long: `Remove dead letters for good. What a sink could not deliver is still in the log until retention removes it; what a source
brought is nowhere else on this node.`,
		Example: `  fedmsg dead drop source/umb/12
  fedmsg dead drop --all sink/rabbit`,
	}, func(cmd *cobra.Command, path, name string) error {
		var answer struct{}
		if err := p.ask(cmd, o, "DELETE", path, &answer); err != nil {
			return err
		}
		_, err := fmt.Fprintf(p.stdout, "dropped %s\n", name)
		return err
	})
}
