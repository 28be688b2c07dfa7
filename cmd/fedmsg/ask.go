package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/deliver"
)

// ask sends one request to the node and decodes the answer into v.
func (p *program) ask(cmd *cobra.Command, o *clientFlags, method, path string, v any) error {
	cfg, err := p.clientConfig(cmd, o)
	if err != nil {
		return err
	}
	c, err := p.newClient(cfg, o, false)
	if err != nil {
		return err
	}
	defer c.Close()
	b, err := c.Request(cmd.Context(), method, path)
	if err != nil {
		return interrupted(cmd.Context(), elsewhere(err))
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fedmsg.WrapError(fedmsg.CodeInternal, err, "the node's answer cannot be read")
	}
	return nil
}

// elsewhere tells of a node that was asked where it does not talk of sinks, sources, dead letters and the keeping of its archive, which is on its unix socket alone.
func elsewhere(err error) error {
	if code, text := fedmsg.Public(err); code == fedmsg.CodeNotFound && strings.HasPrefix(text, "there is no /v1/") {
		return fedmsg.Errorf(code, "a node tells of its sinks, sources, dead letters and the keeping of its archive on its unix socket alone; name it with --node unix:///PATH or FEDMSG_NODE, or give the node's configuration, which has it as http.socket, with --config")
	}
	return err
}

// askSinks asks the node for its sinks.
func (p *program) askSinks(cmd *cobra.Command, o *clientFlags) ([]deliver.Status, error) {
	var answer struct {
		Sinks []deliver.Status `json:"sinks"`
	}
	err := p.ask(cmd, o, "GET", "/v1/sinks", &answer)
	return answer.Sinks, err
}

// completionTime is how long completing a word may ask a node.
const completionTime = time.Second

// completeSinks completes the first word by the names of the node's sinks.
func (p *program) completeSinks(o *clientFlags) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return p.sinkNames(cmd, o), cobra.ShellCompDirectiveNoFileComp
	}
}

// sourceNames is sinkNames of sources.
func (p *program) sourceNames(cmd *cobra.Command, o *clientFlags) []string {
	defer completing(cmd)()
	sources, err := p.askSources(cmd, o)
	if err != nil {
		return nil
	}
	var names []string
	for i := range sources {
		names = append(names, sources[i].Name)
	}
	return names
}

// maxCompletions is how many dead letters a word is completed by.
const maxCompletions = 100

// completeLetters completes words by the names of dead letters that do not stand there yet; at most so many words, or any where most is 0.
func (p *program) completeLetters(o *clientFlags, most int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
		if most > 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer completing(cmd)()
		letters, err := p.askDead(cmd, o, "", 0, maxCompletions)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		for i := range letters {
			if name := letterName(&letters[i]); !slices.Contains(args, name) {
				names = append(names, name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// completing bounds what is asked for a completion, until the function that it gives is called.
func completing(cmd *cobra.Command) context.CancelFunc {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(orBackground(cmd.Context())), completionTime)
	cmd.SetContext(ctx)
	return cancel
}

// sinkNames gives the names of the node's sinks, or none where it does not say so at once.
func (p *program) sinkNames(cmd *cobra.Command, o *clientFlags) []string {
	defer completing(cmd)()
	sinks, err := p.askSinks(cmd, o)
	if err != nil {
		return nil
	}
	var names []string
	for i := range sinks {
		names = append(names, sinks[i].Name)
	}
	return names
}

// orBackground is the context of a command, which one that is only completed may not have.
func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}
