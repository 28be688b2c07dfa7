package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// redactTime is how long a redaction may take: the node answers before.
const redactTime = 40 * time.Second

// redactCommand is `fedmsg redact`: what a message said is erased for good.
func (p *program) redactCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "redact ID",
		Short: "Erase for good what a message said, here and on the nodes that heed this one",
		Long: `Erase for good what a message said. Its bytes, its signatures and who sent it go from the log, the dead letters and the archive of
the node; its id, topic, time and SHA-256 stay, with who erased it, when and why. That it was redacted is a message of its own, signed
by the node: nodes that follow this one and list it in redact_from erase it too. The id stays taken.

What others were given already, backups, and the free space of disks are out of reach of this. Root and the user that the node runs as
may do it, over the node's unix socket.

It ends with 0 when log and archive have erased it, and with 75 when they have not yet: then the node goes on with it by itself.`,
		Example: `  fedmsg redact 2026-6f2c… --reason 'a password in a commit message' --dry-run
  fedmsg redact 2026-6f2c… --reason 'a password in a commit message'`,
		Args: cobra.ExactArgs(1),
	}
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	o := nodeClientFlags(cmd.Flags())
	reason := cmd.Flags().String("reason", "", "why; readers of the message are told (required)")
	dry := cmd.Flags().Bool("dry-run", false, "say what would be erased, and erase nothing")
	format := formatFlag(cmd, "text")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkFormat(*format, "text"); err != nil {
			return err
		}
		if strings.TrimSpace(*reason) == "" {
			return usageError(cmd, "--reason is missing: readers of the message are told why it was erased", "")
		}
		if !cmd.Flags().Changed("timeout") {
			o.timeout = redactTime
		}
		r := redaction{ID: args[0], Reason: *reason, DryRun: *dry}
		text, done, err := p.redact(cmd, o, &r)
		if err != nil {
			return err
		}
		if *format == "json" {
			if _, err := fmt.Fprintf(p.stdout, "%s\n", strings.TrimSpace(string(text))); err != nil {
				return err
			}
		} else if err := p.printRedacted(done); err != nil {
			return err
		}
		if done.Pending != "" {
			return fedmsg.Errorf(fedmsg.CodeTimeout, "not all is erased yet, and the node goes on with it: %s", done.Pending)
		}
		return nil
	}
	return cmd
}

// redaction is what the node is asked for.
type redaction struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
	DryRun bool   `json:"dry_run,omitempty"`
}

// redacted is what it answers.
type redacted struct {
	Redaction archive.Redaction `json:"redaction"`
	Topic     string            `json:"topic"`
	Log       string            `json:"log"`
	Archive   string            `json:"archive"`
	Already   bool              `json:"already"`
	DryRun    bool              `json:"dry_run"`
	Pending   string            `json:"pending"`
}

// redact asks the node. It gives the answer as it came, and decoded.
func (p *program) redact(cmd *cobra.Command, o *clientFlags, r *redaction) (text []byte, done *redacted, err error) {
	cfg, err := p.clientConfig(cmd, o)
	if err != nil {
		return nil, nil, err
	}
	c, err := p.newClient(cfg, o, false)
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	body, err := json.Marshal(r)
	if err != nil {
		return nil, nil, err
	}
	text, err = c.Send(cmd.Context(), "POST", "/v1/redactions", "application/json", body)
	done = new(redacted)
	return text, done, interrupted(cmd.Context(), answered(text, elsewhere(err), done))
}

// printRedacted says what became of the message, or would.
func (p *program) printRedacted(d *redacted) error {
	id, topic := ops.Printable(d.Redaction.ID), ops.Printable(d.Topic)
	head := fmt.Sprintf("redacted %s on %s", id, topic)
	switch {
	case d.Already:
		head = fmt.Sprintf("%s on %s was redacted by %s at %s: %s", id, topic, ops.Printable(d.Redaction.By), d.Redaction.At.Local().Format(timeLayout), ops.Printable(d.Redaction.Reason))
	case d.DryRun:
		head = fmt.Sprintf("would redact %s on %s, whose envelope has the SHA-256 %s", id, topic, d.Redaction.SHA256)
	}
	_, err := fmt.Fprintf(p.stdout, "%s\n  log: %s\n  archive: %s\n", head, d.Log, d.Archive)
	return err
}
