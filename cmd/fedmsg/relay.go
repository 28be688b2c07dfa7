package main

import (
	"github.com/spf13/cobra"
)

// relayIn is where the old relay listened for publishers of its own machine.
const relayIn = "tcp://127.0.0.1:2003"

// relayCommand is `fedmsg relay`, also by its old name.
func (p *program) relayCommand(name string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   name,
		Short: "Run a node that also takes what old publishers send to a relay",
		Long: `Run a node, as fedmsg serve does, that also takes what programs of the old bus send to a relay: those with active = True,
such as fedmsg-logger. They are not told whether a message was taken, since their protocol has no answer. A node that runs
already needs no relay beside it: set zeromq.relay_in in its configuration.

Who comes over the loopback interface may publish while environment is dev. Later a [[publisher]] says who may, by
zeromq = NAME for what comes with sender=NAME in the socket's URI, or by signer = ROOT for what is signed. What nobody signed
the node signs, in the old form where sign has "x509": that is what the signing relay did.`,
		Example: `  fedmsg relay
  fedmsg relay --in 'tcp://127.0.0.1:2003?sender=this-host' --zeromq-publish 'tcp://*:4001?format=fedmsg1&topics=%23'`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	configFlag(f)
	flags := nodeFlags(f)
	f.StringArray("in", nil, "URI that old publishers connect to; may be repeated (key zeromq.relay_in, and "+relayIn+" where that is empty)")
	flags["in"] = "zeromq.relay_in"
	choices(cmd, "environment", "dev", "stg", "prod", "production")
	choices(cmd, "log-level", "debug", "info", "warn", "error")
	if name != "relay" {
		takeOldFlags(cmd, commonOldFlags())
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		l, err := p.loadConfig(cmd, flags)
		if err != nil {
			return err
		}
		if len(l.Config.ZeroMQ.RelayIn) == 0 {
			l.Config.ZeroMQ.RelayIn = []string{relayIn}
		}
		return p.serve(cmd.Context(), l)
	}
	return cmd
}
