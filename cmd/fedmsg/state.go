package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// stateFlags adds the flags of the verbs that work on a node's state directory: --state, and --config, which names it too.
func stateFlags(f *pflag.FlagSet) {
	configFlag(f)
	f.String("state", "", "the node's state directory (default as the configuration says)")
}

// stateDir is the state directory that --state, the configuration or the defaults name.
func (p *program) stateDir(cmd *cobra.Command) (string, error) {
	l, err := p.loadConfig(cmd, settingFlags{"state": "state"})
	if err != nil {
		return "", err
	}
	p.warn(l.Warnings)
	return l.Config.State, nil
}
