package main

import (
	"bufio"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/federated-messaging/fedmsg"
)

// oldCommand is the program under one of its old names, with the flags of those days, or nil for another name.
func (p *program) oldCommand(name string) *cobra.Command {
	switch name {
	case "fedmsg-logger":
		return p.loggerCommand()
	case "fedmsg-tail":
		return p.oldTailCommand()
	case "fedmsg-announce":
		return p.announceCommand()
	case "fedmsg-gateway":
		return p.gatewayCommand(name)
	case "fedmsg-relay":
		return p.relayCommand(name)
	}
	return goneCommand(name)
}

// oldNames lists the names under which the program still works as the old one did. Those of goneNames tell what to use.
func oldNames() []string {
	return []string{"fedmsg-announce", "fedmsg-gateway", "fedmsg-logger", "fedmsg-relay", "fedmsg-tail"}
}

// oldFlag is a flag of the old programs that has no meaning any more. Where ignoring it would do something else than what
// was asked for, it is refused with the sentence that says what to use.
type oldFlag struct {
	name, instead string
	value, refuse bool
}

// commonOldFlags are those that all old programs had.
func commonOldFlags() []oldFlag {
	return []oldFlag{
		{name: "io-threads", value: true}, {name: "post-init-sleep", value: true}, {name: "high-water-mark", value: true},
		{name: "linger", value: true}, {name: "daemon"},
		{name: "config-filename", value: true, refuse: true, instead: "the configuration is one TOML file now: --config FILE; `fedmsg config import` makes it of the old ones"},
		{name: "print-config", refuse: true, instead: "use `fedmsg config show`"},
	}
}

// takeOldFlags lets a command take flags that have no meaning any more, and refuse those that cannot be ignored before it runs.
func takeOldFlags(cmd *cobra.Command, flags []oldFlag) {
	f := cmd.Flags()
	for _, o := range flags {
		text := "accepted and ignored"
		if o.refuse {
			text = "no longer there: " + o.instead
		}
		if o.value {
			f.String(o.name, "", text)
		} else {
			f.Bool(o.name, false, text)
		}
		f.Lookup(o.name).Hidden = true
	}
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return checkOldFlags(cmd, flags) }
}

// checkOldFlags refuses those that cannot be ignored.
func checkOldFlags(cmd *cobra.Command, flags []oldFlag) error {
	for _, o := range flags {
		if o.refuse && cmd.Flags().Changed(o.name) {
			return fedmsg.Errorf(fedmsg.CodeUsage, "--%s is no longer there: %s", o.name, o.instead)
		}
	}
	return nil
}

// oldClientFlags are the client's flags with the old --timeout, which was in seconds.
func oldClientFlags(f *pflag.FlagSet) *clientFlags {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	c := nodeClientFlags(all)
	c.publishingFlags(all)
	all.VisitAll(func(flag *pflag.Flag) {
		if flag.Name != "timeout" {
			f.AddFlag(flag)
		}
	})
	return c
}

// oldTimeout reads --timeout: seconds, as then, or a duration, as now.
func oldTimeout(s string) (time.Duration, error) {
	if d, err := time.ParseDuration(s + "s"); err == nil {
		return d, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fedmsg.Errorf(fedmsg.CodeUsage, "--timeout %q is not a number of seconds", s)
	}
	return d, nil
}

// loggerCommand is fedmsg-logger.
func (p *program) loggerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fedmsg-logger",
		Short: "Publish text or JSON (the old name of `fedmsg publish`)",
		Long: `Publish the message, or each line of the input as {"log": LINE}, or with --json-input one JSON document.

This is the old command on top of the new one: nothing is printed, and a message that no node takes waits in the spool,
with exit status 0.`,
		Example: `  echo "Hello World." | fedmsg-logger --modname=git --topic=repo.update
  echo '{"a": 1}' | fedmsg-logger --json-input
  fedmsg-logger --message="This is a message."`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{wordsHint: "text goes with --message or to the input"},
	}
	f := cmd.Flags()
	c := oldClientFlags(f)
	takeOldFlags(cmd, append(commonOldFlags(), oldFlag{name: "cert-prefix", value: true}))
	var o publishFlags
	f.StringVar(&o.message, "message", "", "the message, in place of the input")
	f.BoolVar(&o.jsonInput, "json-input", false, "the message is one JSON document")
	f.StringVar(&o.topic, "topic", "log", "short topic")
	f.StringVar(&o.modname, "modname", "logger", "name of the service, put before the topic")
	timeout := f.String("timeout", "5", "seconds to wait for the node")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if c.timeout, err = oldTimeout(*timeout); err != nil {
			return err
		}
		o.clientFlags, o.hasMessage = c, f.Changed("message")
		return p.logger(cmd, &o)
	}
	return cmd
}

// logger runs fedmsg-logger: what is only queued is a success.
func (p *program) logger(cmd *cobra.Command, o *publishFlags) error {
	c, cfg, err := p.newPublisher(cmd, o.clientFlags)
	if err != nil {
		return err
	}
	defer c.Close()
	m := fedmsg.Message{Topic: fedmsg.FullTopic(cfg.TopicPrefix, cfg.Environment, o.modname, o.topic)}
	publish := func(text string) error {
		if m.Body, err = textBody(text, o.jsonInput); err != nil {
			return err
		}
		_, err := c.PublishMessage(cmd.Context(), m)
		return p.queuedIsSent("fedmsg-logger", err)
	}
	if o.hasMessage {
		return publish(o.message)
	}
	if o.jsonInput {
		b, err := io.ReadAll(io.LimitReader(p.stdin, maxInput))
		if err != nil {
			return fedmsg.WrapError(fedmsg.CodeUsage, err, "cannot read the input")
		}
		return publish(string(b))
	}
	scan := bufio.NewScanner(p.stdin)
	scan.Buffer(nil, maxInput)
	for scan.Scan() {
		if err := publish(strings.TrimSpace(scan.Text())); err != nil {
			return err
		}
	}
	if err := scan.Err(); err != nil {
		return fedmsg.WrapError(fedmsg.CodeUsage, err, "cannot read the input")
	}
	return nil
}

// oldTailCommand is fedmsg-tail.
func (p *program) oldTailCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fedmsg-tail",
		Short: "Show messages as they come (the old name of `fedmsg tail`)",
		Example: `  fedmsg-tail --really-pretty
  fedmsg-tail --topic org.example.prod.git --terse`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	c := oldClientFlags(f)
	takeOldFlags(cmd, append(commonOldFlags(),
		oldFlag{name: "no-validate"}, oldFlag{name: "validate", refuse: true, instead: "the node verifies before it stores, and --pretty and --terse show who signed; see `fedmsg verify` to check again"},
		oldFlag{name: "cowsay", refuse: true, instead: "it ran a shell on text from messages; use --terse"},
		oldFlag{name: "query", value: true, refuse: true, instead: "use `fedmsg tail --format raw | jq .msg`"},
		oldFlag{name: "users", value: true, refuse: true, instead: "use `fedmsg tail --format raw | jq`"},
		oldFlag{name: "packages", value: true, refuse: true, instead: "use `fedmsg tail --format raw | jq`"},
		oldFlag{name: "include", value: true, refuse: true, instead: "use `fedmsg tail --topic PATTERN`"},
		oldFlag{name: "exclude", value: true, refuse: true, instead: "use `fedmsg tail --topic PATTERN`"},
	))
	topic := f.String("topic", "", "beginning of topics")
	pretty := f.Bool("pretty", false, "for reading")
	reallyPretty := f.Bool("really-pretty", false, "for reading, with colour on a terminal")
	terse := f.Bool("terse", false, "one line for each message")
	timeout := f.String("timeout", "5", "seconds to wait for the node")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if c.timeout, err = oldTimeout(*timeout); err != nil {
			return err
		}
		o := tailFlags{clientFlags: c, format: "raw"}
		if *topic != "" {
			o.prefixes = []string{*topic}
		}
		switch {
		case *terse:
			o.format = "terse"
		case *pretty, *reallyPretty:
			o.format = "pretty"
		}
		follow, err := o.follow(time.Now())
		if err != nil {
			return err
		}
		return p.tail(cmd, &o, follow)
	}
	return cmd
}
