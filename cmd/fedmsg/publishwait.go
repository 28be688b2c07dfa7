package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// waitFlags are the flags of `fedmsg publish` about sinks.
type waitFlags struct {
	sinks   []string
	timeout time.Duration
}

// register adds the flags.
func (w *waitFlags) register(p *program, cmd *cobra.Command, f *pflag.FlagSet, o *clientFlags) {
	f.StringSliceVar(&w.sinks, "wait", nil, "wait until these sinks of the node have delivered the message; separated by commas")
	f.DurationVar(&w.timeout, "wait-timeout", 0, "wait at most so long: with --wait for the sinks (default 5s), with --mesh for subscribers (default 10s)")
	// The error is that there is no such flag.
	_ = cmd.RegisterFlagCompletionFunc("wait", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return p.sinkNames(cmd, o), cobra.ShellCompDirectiveNoFileComp
	})
}

// meshWait is how long subscribers are waited for.
const meshWait = 10 * time.Second

// given reports whether sinks are waited for.
func (w *waitFlags) given() bool { return len(w.sinks) > 0 }

// check refuses what cannot be waited for.
func (w *waitFlags) check(cmd *cobra.Command, o *publishFlags) error {
	switch {
	case cmd.Flags().Changed("wait-timeout") && w.timeout <= 0:
		return fedmsg.Errorf(fedmsg.CodeUsage, "--wait-timeout must be more than 0, not %s", w.timeout)
	case o.mesh.given:
		o.mesh.wait = cmp.Or(w.timeout, meshWait)
	case cmd.Flags().Changed("wait") && !w.given():
		return fedmsg.Errorf(fedmsg.CodeUsage, "--wait names no sink; see `fedmsg sink ls`")
	case w.given() && !o.hasTopic:
		return fedmsg.Errorf(fedmsg.CodeUsage, "--wait is for one message, with --topic")
	case !w.given() && w.timeout > 0:
		return fedmsg.Errorf(fedmsg.CodeUsage, "--wait-timeout goes with --wait SINK, or with --mesh")
	}
	return nil
}

// exitUndeliverable is the exit status where a message is stored and a sink that was waited for will never deliver it: EX_PROTOCOL of
// sysexits.h, as a message that is stored may not end like one that is not.
const exitUndeliverable = 76

// publishWaiting publishes one message and waits for the sinks.
func (p *program) publishWaiting(cmd *cobra.Command, c *client.Client, o *publishFlags, m fedmsg.Message) error {
	r, deliveries, err := c.PublishAndWait(cmd.Context(), m, client.Wait{Sinks: o.wait.sinks, Timeout: o.wait.timeout})
	if err != nil {
		return interrupted(cmd.Context(), err)
	}
	if err := p.printDelivered(&r, deliveries, o.format == "json"); err != nil {
		return err
	}
	return p.judgeDeliveries(cmd, deliveries, o.format == "json")
}

// judgeDeliveries says what is left to say of each sink, and gives the exit status that follows.
func (p *program) judgeDeliveries(cmd *cobra.Command, deliveries []fedmsg.Delivery, asJSON bool) error {
	var missing []string
	status := 0
	for _, d := range deliveries {
		switch d.State {
		case fedmsg.DeliveryDelivered:
			if d.Reason != "" && !asJSON { // as that nobody gets it
				p.note("%s: %s has it, and remarks: %s", cmd.CommandPath(), d.Sink, d.Reason)
			}
			continue
		case fedmsg.DeliveryPending:
			status = cmp.Or(status, fedmsg.CodeTimeout.ExitStatus())
		default: // and never will be
			status = exitUndeliverable
		}
		text := d.Sink + " (" + strings.ReplaceAll(string(d.State), "_", " ")
		if d.Reason != "" {
			text += ": " + d.Reason
		}
		missing = append(missing, text+")")
	}
	if status == 0 {
		return nil
	}
	p.note("%s: the message is stored, and not delivered by %s", cmd.CommandPath(), strings.Join(missing, ", "))
	return &exitError{status}
}

// printDelivered prints a receipt with what each sink has done.
func (p *program) printDelivered(r *fedmsg.Receipt, deliveries []fedmsg.Delivery, asJSON bool) error {
	if asJSON {
		line, err := json.Marshal(struct {
			*fedmsg.Receipt
			Sinks []fedmsg.Delivery `json:"sinks"`
		}{r, deliveries})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.stdout, "%s\n", line)
		return err
	}
	words := []string{r.ID, r.Position.String()}
	for _, d := range deliveries {
		words = append(words, ops.Printable(d.Sink)+"="+ops.Printable(string(d.State)))
	}
	_, err := fmt.Fprintln(p.stdout, strings.Join(words, " "))
	return err
}

// onlyBody reads the one body that there is for a message that is waited for.
func (p *program) onlyBody(ctx context.Context, m fedmsg.Message, args []string) (json.RawMessage, error) {
	in, err := p.input(args)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if ctx.Err() != nil {
		return nil, interrupted(ctx, ctx.Err())
	}
	next := bodies(m)(in)
	doc, err := next()
	if err != nil {
		return nil, err
	}
	if _, err := next(); err != io.EOF {
		return nil, fedmsg.Errorf(fedmsg.CodeUsage, "--wait is for one message, and the input has more")
	}
	return doc.message.Body, nil
}
