package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/tracecontext"
)

// maxInput bounds one document of the input.
const maxInput = 8 << 20

// publishFlags are the flags of `fedmsg publish`.
type publishFlags struct {
	*clientFlags
	topic, modname       string
	jsonInput            bool
	message              string
	id, username         string
	headers              []string
	format               string
	hasMessage, hasTopic bool // whether the flags were given
	mesh                 meshPublishFlags
	wait                 waitFlags
}

// publishCommand is `fedmsg publish`.
func (p *program) publishCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "publish [--topic TOPIC] [--message TEXT] [FILE|-]",
		Short: "Publish messages; print the id and position of each",
		Long: `Publish messages and print the id and position of each when it is durable.

With --topic, the input is one JSON object, or several one after the other, and each is the body of a message. A short
topic is completed to PREFIX.ENVIRONMENT.MODNAME.TOPIC; one that begins with the prefix is used as it is. With --message
the body is {"log": TEXT}, or TEXT itself with --json-input.

Without --topic, each line of the input is a message {"topic", "msg", "id"?, "headers"?, "username"?} or a whole envelope.
Lines are sent as they come; outcomes are printed in their order.

When no node takes a message it is kept in the spool, and sent in order by the next publish or by the node: the exit
status is then 75. It is 73 when the spool cannot keep it either, and 65 when a node refused a message. With --no-spool it stops at the first message that no node
took, names it, and sends no more: the status is 69, or 75 when it is unknown whether that one is stored.

With --sign each message is signed here, so that everybody who trusts the key can check who said it; else the node signs
for those whom it has authenticated. The time is signed too: a message cannot be published again under its --id. What is
signed already, as fedmsg sign prints it, is sent as it is.

With --wait it returns when these sinks of the node have delivered the message, or --wait-timeout is over, and prints how far each
is. The message is stored in any case: the exit status is 75 when one still has to deliver it, 76 when one never will, as its
topics leave the message out or it was given up. Nothing goes to the spool then.

With --mesh it asks no node: it takes a port, announces it in an endpoints file, sends over ZeroMQ to those who come, and prints
the ids. Nobody acknowledges anything then, and nobody keeps the messages.

A trace in the environment (TRACEPARENT, TRACESTATE) goes along with a message of --topic, in its headers.`,
		Example: `  fedmsg publish --topic shop.order.new --message "Order 17"
  echo '{"order": 17}' | fedmsg publish --topic org.example.dev.shop.order.new
  fedmsg publish --topic repo.update --modname git body.json
  fedmsg publish --topic shop.order.new --json-input --message '{"order": 17}' --header priority=high
  fedmsg publish --sign shop.key --topic shop.order.new --message "Order 17"
  fedmsg publish --topic shop.order.new --message "Order 17" --wait rabbit,archive --wait-timeout 10s
  fedmsg publish <messages.jsonl
  fedmsg publish --mesh /etc/fedmsg/endpoints --name shop.web01 --topic shop.order.new --message "Order 17"`,
		Args:        cobra.MaximumNArgs(1),
		Annotations: map[string]string{wordsHint: "the topic goes with --topic, text with --message"},
	}
	f := cmd.Flags()
	o := publishFlags{clientFlags: nodeClientFlags(f)}
	o.publishingFlags(f)
	f.StringVar(&o.topic, "topic", "", "topic, full or short")
	f.StringVar(&o.modname, "modname", "", "name of the service, put before a short topic")
	f.BoolVar(&o.jsonInput, "json-input", false, "the message is JSON; input that is not --message always is")
	f.StringVar(&o.message, "message", "", "the message, in place of the input")
	f.StringVar(&o.id, "id", "", "id of the message, so that the same message may be published again (default: a new one)")
	f.StringArrayVar(&o.headers, "header", nil, "label KEY=VALUE; may be repeated")
	f.StringVar(&o.username, "username", "", "who the message says it is from (default: the name of the user)")
	f.StringVar(&o.sign, "sign", "", "sign with the private key in this file; see fedmsg keys new")
	f.StringVar(&o.cert, "certificate", "", "send this certificate of the key along, which its authority issued")
	f.StringVar(&o.format, "format", "text", "text (ID POSITION) or json (the receipt)")
	o.mesh.register(cmd, f)
	o.wait.register(p, cmd, f, o.clientFlags)
	choices(cmd, "format", "text", "json")
	choices(cmd, "environment", "dev", "stg", "prod", "production")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.mesh.check(cmd); err != nil {
			return err
		}
		o.hasMessage, o.hasTopic = f.Changed("message"), f.Changed("topic")
		if err := o.wait.check(cmd, &o); err != nil {
			return err
		}
		return p.publish(cmd, &o, args)
	}
	return cmd
}

// publish runs the verb.
func (p *program) publish(cmd *cobra.Command, o *publishFlags, args []string) error {
	labels, err := o.check(args)
	if err != nil {
		return err
	}
	p.addTrace(labels)
	if o.mesh.given {
		cfg, err := p.clientConfig(cmd, o.clientFlags)
		if err != nil {
			return err
		}
		return p.publishMesh(cmd, &cfg, o, fedmsg.Message{ID: o.id, Username: o.username, Headers: labels, Topic: o.topic}, args)
	}
	c, cfg, err := p.newPublisher(cmd, o.clientFlags)
	if err != nil {
		return err
	}
	defer c.Close()
	out := &outcomes{p: p, name: cmd.CommandPath(), json: o.format == "json"}
	if !ops.Terminal(p.stdout) { // where the receipts themselves would be seen to pass
		out.meter = p.newMeter()
	}
	m := fedmsg.Message{ID: o.id, Username: o.username, Headers: labels, Topic: o.fullTopic(cfg)}
	if o.hasMessage {
		if m.Body, err = textBody(o.message, o.jsonInput); err != nil {
			return err
		}
		if o.wait.given() {
			return p.publishWaiting(cmd, c, o, m)
		}
		r, err := c.PublishMessage(cmd.Context(), m)
		return out.single(r, err)
	}
	if o.wait.given() {
		if m.Body, err = p.onlyBody(cmd.Context(), m, args); err != nil {
			return err
		}
		return p.publishWaiting(cmd, c, o, m)
	}
	in, err := p.input(args)
	if err != nil {
		return err
	}
	defer in.Close()
	s := &stream{c: c, dec: client.NewDecoder(), out: out}
	if o.hasTopic {
		return s.run(cmd.Context(), in, bodies(m))
	}
	return s.run(cmd.Context(), in, nil)
}

// addTrace puts the trace that this program was started in among the labels, unless they have one or no room for it.
func (p *program) addTrace(labels map[string]string) {
	trace := tracecontext.New(p.getenv(tracecontext.VariableParent), p.getenv(tracecontext.VariableState))
	for name := range labels {
		if tracecontext.IsHeader(name) {
			return
		}
	}
	if trace.IsZero() || len(labels)+2 > fedmsg.DefaultLimits().Headers {
		return
	}
	labels[tracecontext.HeaderParent] = trace.Parent
	if trace.State != "" {
		labels[tracecontext.HeaderState] = trace.State
	}
}

// check refuses flags that do not fit together, and reads the labels.
func (o *publishFlags) check(args []string) (map[string]string, error) {
	usage := func(text string) (map[string]string, error) { return nil, fedmsg.Errorf(fedmsg.CodeUsage, "%s", text) }
	if err := checkFormat(o.format, "text"); err != nil {
		return nil, err
	}
	switch {
	case o.hasMessage && len(args) > 0:
		return usage("give either --message or a file, not both")
	case o.hasMessage && !o.hasTopic:
		return usage("--message needs --topic")
	case !o.hasTopic && (o.modname != "" || o.id != "" || len(o.headers) > 0 || o.username != ""):
		return usage("--modname, --id, --header and --username need --topic; without it each line of the input has its own")
	}
	labels := map[string]string{}
	for _, h := range o.headers {
		key, value, ok := strings.Cut(h, "=")
		if !ok || key == "" {
			return nil, fedmsg.Errorf(fedmsg.CodeUsage, "--header %q is not KEY=VALUE", h)
		}
		labels[key] = value
	}
	return labels, nil
}

// fullTopic completes the topic of the flags.
func (o *publishFlags) fullTopic(cfg config.Config) string {
	return fedmsg.FullTopic(cfg.TopicPrefix, cfg.Environment, o.modname, o.topic)
}

// textBody makes a body of the text of --message, as the old program did.
func textBody(text string, isJSON bool) (json.RawMessage, error) {
	if isJSON {
		var body json.RawMessage
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			return nil, fedmsg.WrapError(fedmsg.CodeBadJSON, err, "the message is not JSON; write it as '{\"key\": \"value\"}' in single quotes, which keep the shell away, or leave --json-input out for text")
		}
		return json.RawMessage(text), nil
	}
	if !utf8.ValidString(text) {
		return nil, fedmsg.Errorf(fedmsg.CodeBadJSON, "the message is not UTF-8")
	}
	return append(fedmsg.AppendJSONString([]byte(`{"log":`), text), '}'), nil
}

// input opens the file that was named, or standard input.
func (p *program) input(args []string) (io.ReadCloser, error) {
	if len(args) == 0 || args[0] == "-" {
		return io.NopCloser(p.stdin), nil
	}
	f, err := os.Open(args[0])
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fedmsg.Errorf(fedmsg.CodeUsage, "there is no file %q to read messages from; text goes with --message", args[0])
	}
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeUsage, err, "cannot read the input")
	}
	return f, nil
}

// bodies makes each JSON value of the input the body of a message like m.
func bodies(m fedmsg.Message) func(io.Reader) documents {
	return func(in io.Reader) documents {
		dec := json.NewDecoder(in)
		number := 0
		return func() (submission, error) {
			number++
			doc := submission{message: m, at: fmt.Sprintf("message %d", number)}
			doc.message.Body = nil // a new one for each: those before are still under way
			err := dec.Decode(&doc.message.Body)
			switch {
			case err == io.EOF && number == 1:
				return doc, fedmsg.Errorf(fedmsg.CodeBadJSON, "the input is empty; give the body as a JSON object")
			case err == io.EOF:
				return doc, err
			case err != nil:
				return doc, fedmsg.WrapError(fedmsg.CodeBadJSON, err, "the input is not JSON; text goes with --message")
			case number > 1 && m.ID != "":
				return doc, fedmsg.Errorf(fedmsg.CodeUsage, "--id is for one message, and the input has more")
			}
			return doc, nil
		}
	}
}

// worse gives the error that decides the exit status: the first refusal, else the first other one.
func worse(a, b error) error {
	if a == nil || b != nil && fedmsg.CodeOf(a).ExitStatus() != 65 && fedmsg.CodeOf(b).ExitStatus() == 65 {
		return b
	}
	return a
}

// interrupted is what a verb returns when the user stopped it.
func interrupted(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fedmsg.Errorf(fedmsg.CodeInterrupted, "interrupted")
	}
	return err
}
