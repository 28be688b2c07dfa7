// Command fedmsg is the whole bus in one program: the node, the publisher, the reader and the tools of the operator.
//
// One file holds one verb. This file starts the program, picks the verb, and turns the error that ended it into a line for
// people and an exit status for machines.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := &program{
		name: filepath.Base(os.Args[0]), args: os.Args[1:],
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ,
	}
	status := p.run(ctx)
	stop()
	os.Exit(status)
}

// program is what a verb may touch of the world outside, so that tests can stand in for it.
type program struct {
	name           string   // as it was called: fedmsg, or an old name such as fedmsg-logger
	args           []string // without the name
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        func() []string // KEY=VALUE
	hookTimes      hookTimes       // none: those of a real push
}

// run does what the arguments say and gives the exit status.
func (p *program) run(ctx context.Context) int {
	root := p.command()
	root.SetArgs(p.args)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.status
	}
	p.complain(cmd.CommandPath(), err)
	return fedmsg.CodeOf(err).ExitStatus()
}

// exitError ends the program with a status when everything that was to be said has been said.
type exitError struct{ status int }

func (e *exitError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// command builds the tree of verbs.
func (p *program) command() *cobra.Command {
	if old := p.oldCommand(p.name); old != nil {
		return p.finish(old)
	}
	root := &cobra.Command{
		Use:   "fedmsg",
		Short: "A federated message bus: publish, follow and keep what services announce",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(p.publishCommand(), p.tailCommand(), p.queryCommand(), p.archiveCommand(), p.triggerCommand(), p.hookCommand())
	root.AddCommand(p.serveCommand(), p.relayCommand("relay"), p.gatewayCommand("gateway"), p.configCommand(), p.versionCommand(),
		p.checkCommand(), p.logCommand(), p.backupCommand(), p.tokenCommand())
	root.AddCommand(p.keysCommand(), p.trustCommand())
	root.AddCommand(p.sinkCommand(), p.sourceCommand(), p.deadCommand(), p.redactCommand())
	root.AddCommand(p.verifyCommand(), p.signCommand(), p.doctorCommand(), p.topCommand(), p.commandsCommand())
	for _, name := range slices.AppendSeq(oldNames(), maps.Keys(goneNames())) {
		old := p.oldCommand(name)
		old.Hidden = true
		root.AddCommand(old)
	}
	return p.finish(root)
}

// finish sets what holds for a whole tree of verbs.
func (p *program) finish(root *cobra.Command) *cobra.Command {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(flagError)
	codeArgs(root)
	return root
}

// codeArgs gives the errors of wrong arguments, in the whole tree, the code of a wrong command line. Verbs that take no words
// are completed by none.
func codeArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return wordsError(cmd, args, check, err)
			}
			return nil
		}
		if check(cmd, []string{"word"}) != nil && cmd.ValidArgs == nil {
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
	}
	for _, sub := range cmd.Commands() {
		codeArgs(sub)
	}
}
