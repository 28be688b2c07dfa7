package config

import (
	"path/filepath"

	"github.com/federated-messaging/fedmsg/internal/spool"
)

// System is what the default paths depend on. Its functions are given, so that the paths are a pure function of them.
type System struct {
	Getenv func(string) string
	UID    int
	Exists func(path string) bool
	// GroupExists reports whether there is a group of the name; nil is no.
	GroupExists func(name string) bool
}

// systemConfig is where the configuration of a node that runs for the whole machine stands.
const systemConfig = "/etc/fedmsg/fedmsg.toml"

// StateDir is where a node keeps its state.
func StateDir(s System) string {
	if dir := firstOf(s.Getenv("STATE_DIRECTORY")); dir != "" {
		return dir
	}
	if s.UID == 0 {
		return "/var/lib/fedmsg"
	}
	return filepath.Join(userDir(s, "XDG_STATE_HOME", ".local/state"), "fedmsg")
}

// SocketPath is where a node listens for publishers of its own machine. Clients look elsewhere: see package client.
func SocketPath(s System) string {
	if dir := firstOf(s.Getenv("RUNTIME_DIRECTORY")); dir != "" {
		return filepath.Join(dir, "fedmsg.sock")
	}
	if s.UID == 0 {
		return "/run/fedmsg/fedmsg.sock"
	}
	if dir := s.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "fedmsg.sock")
	}
	// A user without a session, as in a container: where a client of the user looks too, which never reads $STATE_DIRECTORY.
	return filepath.Join(userDir(s, "XDG_STATE_HOME", ".local/state"), "fedmsg", "fedmsg.sock")
}

// SpoolDir is where a client leaves what no node would take, and from where a node fetches it: the machine's spool where
// there is one, else the user's own.
func SpoolDir(s System) string {
	if s.Exists(spool.Shared) {
		return spool.Shared
	}
	return spool.UserDir(s.Getenv)
}

// isSecondNode reports whether a configuration is of a node beside the usual one, whose messages it must not take: its state is set, other
// than in the usual configuration file, and there is a log where that one has its state. A user's only node is the usual one wherever
// its state is: it fetches what programs leave that read no configuration.
func (l *Loaded) isSecondNode(s System) bool {
	usual, at := StateDir(s), l.Origin("state").Kind
	if at == FromDefault || at == FromFile && l.File == ConfigPath(s) {
		return false
	}
	return filepath.IsAbs(l.Config.State) && filepath.Clean(l.Config.State) != filepath.Clean(usual) && s.Exists(filepath.Join(usual, "log"))
}

// UserSpool is a spool that the node fetches from beside spool.directory: the user's own, into which publishers put what they have
// where the machine has no spool yet. It is empty for a node beside the user's usual one, to which that spool is left.
func (l *Loaded) UserSpool(getenv func(string) string) string {
	if l.second {
		return ""
	}
	return spool.UserDir(getenv)
}

// ConfigPath is the configuration file that is read when none is named: the machine's where it exists, else the user's,
// which need not exist either.
func ConfigPath(s System) string {
	if s.UID == 0 || s.Exists(systemConfig) {
		return systemConfig
	}
	return filepath.Join(userDir(s, "XDG_CONFIG_HOME", ".config"), "fedmsg", "fedmsg.toml")
}

// userDir is a directory of the XDG base directory specification, which has relative ones ignored.
func userDir(s System, variable, below string) string {
	if dir := s.Getenv(variable); filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join("/", s.Getenv("HOME"), below)
}

// firstOf gives the first of the directories that systemd passes separated by colons.
func firstOf(list string) string {
	for i := range len(list) {
		if list[i] == ':' {
			return list[:i]
		}
	}
	return list
}
