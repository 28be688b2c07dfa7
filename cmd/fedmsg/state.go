package main

import (
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/daemon"
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

// logDir is the directory of the node's log, which must be there.
func (p *program) logDir(cmd *cobra.Command) (string, error) {
	state, err := p.stateDir(cmd)
	if err != nil {
		return "", err
	}
	dir := daemon.LogDir(state)
	f, err := os.Open(dir)
	switch {
	case err == nil:
		f.Close()
	case errors.Is(err, fs.ErrPermission):
		return "", fedmsg.Errorf(fedmsg.CodeForbidden, "the log in %s is not yours to read; run as its owner", dir)
	case errors.Is(err, fs.ErrNotExist):
		return "", fedmsg.Errorf(fedmsg.CodeNotFound, "there is no log in %s; name the state directory of the node with --state, or its configuration with --config", dir)
	}
	return dir, nil
}
