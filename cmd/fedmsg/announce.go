package main

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
)

// announceCommand is fedmsg-announce.
func (p *program) announceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fedmsg-announce",
		Short: "Publish an announcement (the old command)",
		Long: `Publish the input, its lines stripped, as one message {"link": URL, "message": TEXT} on the topic announce.announcement.

This is the old command on top of the new one: nothing is printed, and a message that no node takes waits in the spool, with
exit status 0.`,
		Example:     `  echo "The archive is back." | fedmsg-announce --link https://status.example.org`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{wordsHint: "the text goes to the input"},
	}
	f := cmd.Flags()
	c := oldClientFlags(f)
	takeOldFlags(cmd, append(commonOldFlags(), oldFlag{name: "cert-prefix", value: true}))
	link := f.String("link", "", "where there is more to read")
	timeout := f.String("timeout", "5", "seconds to wait for the node")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if c.timeout, err = oldTimeout(*timeout); err != nil {
			return err
		}
		body, err := p.announcement(*link)
		if err != nil {
			return err
		}
		client, cfg, err := p.newPublisher(cmd, c)
		if err != nil {
			return err
		}
		defer client.Close()
		_, err = client.PublishMessage(cmd.Context(), fedmsg.Message{
			Topic: fedmsg.FullTopic(cfg.TopicPrefix, cfg.Environment, "announce", "announcement"), Body: body,
		})
		return p.queuedIsSent("fedmsg-announce", err)
	}
	return cmd
}

// announcement makes the body of the input, as the old program did.
func (p *program) announcement(link string) ([]byte, error) {
	input, err := io.ReadAll(io.LimitReader(p.stdin, maxInput))
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeUsage, err, "cannot read the input")
	}
	var lines []string
	for line := range strings.Lines(string(input)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	body := []byte(`{"link":`)
	if link == "" {
		body = append(body, "null"...)
	} else {
		body = fedmsg.AppendJSONString(body, link)
	}
	body = fedmsg.AppendJSONString(append(body, `,"message":`...), strings.Join(lines, "\n"))
	return append(body, '}'), nil
}

// queuedIsSent makes a success of a message that waits in the spool, of which the old programs knew nothing.
func (p *program) queuedIsSent(name string, err error) error {
	if fedmsg.CodeOf(err) == fedmsg.CodeQueued {
		p.note(name+": %s", err)
		return nil
	}
	return err
}
