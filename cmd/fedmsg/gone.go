package main

import (
	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
)

// goneNames are the old programs that there are no more, with what does their work now. A script that still calls one is told
// instead of doing something else than it did.
func goneNames() map[string]string {
	return map[string]string{
		"fedmsg-check":         "/healthz of the node tells how each of its parts is, and why one is not well",
		"fedmsg-collectd":      "the node counts by itself: read /metrics of its HTTP endpoint",
		"fedmsg-config":        "`fedmsg config show` prints the configuration and where each value comes from; `fedmsg config import` makes it of the old one",
		"fedmsg-dg-replay":     "`fedmsg tail --since TIME --format raw | fedmsg publish` hands messages on as they are, signatures included",
		"fedmsg-hub":           "`fedmsg serve` is the node, and a consumer is any program that a [[sink]] with command starts, or that reads `fedmsg tail --format raw` or follows with package client",
		"fedmsg-irc":           "`fedmsg tail --format terse` prints a line for each message, which any bot can say",
		"fedmsg-signing-relay": "`fedmsg relay` signs what it relays, in the old form with sign = [\"x509\", \"dsse\"]",
		"fedmsg-trigger":       "`fedmsg trigger --topic PATTERN -- COMMAND` starts a program for each message, without the shell that this one ran on text from messages; a [[sink]] with command lets the node do it",
	}
}

// goneCommand is the program under the name of one that is gone, or nil for another name: it names what to use.
func goneCommand(name string) *cobra.Command {
	instead, ok := goneNames()[name]
	if !ok {
		return nil
	}
	return &cobra.Command{
		Use: name, Short: "No longer there: " + instead,
		DisableFlagParsing: true, // whatever they were, they mean nothing any more
		RunE: func(*cobra.Command, []string) error {
			return fedmsg.Errorf(fedmsg.CodeUsage, "%s is no longer there: %s", name, instead)
		},
	}
}
