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
