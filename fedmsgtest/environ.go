package fedmsgtest

import (
	"os"
	"path/filepath"
	"strings"
)

// home is the world of files that a program is given in place of the user's.
type home struct{ dir string }

// environ is the environment of this process without all that fedmsg reads, with directories below h, and then extra.
func (h home) environ(extra []string) []string {
	var env []string
	for _, kv := range os.Environ() {
		key, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(key, "FEDMSG_") && !strings.HasPrefix(key, "XDG_") && !isServiceVariable(key) {
			env = append(env, kv)
		}
	}
	env = append(env,
		"HOME="+h.dir,
		"XDG_STATE_HOME="+filepath.Join(h.dir, "state"),
		"XDG_RUNTIME_DIR="+filepath.Join(h.dir, "run"),
		"XDG_CONFIG_HOME="+filepath.Join(h.dir, "config"),
		"XDG_CACHE_HOME="+filepath.Join(h.dir, "cache"),
	)
	return append(env, extra...)
}

// make creates the directories that a login would have made.
func (h home) make() error {
	for _, name := range []string{"state", "run", "config"} {
		if err := os.MkdirAll(filepath.Join(h.dir, name), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// isServiceVariable tells what a service manager sets for the services that it starts.
func isServiceVariable(key string) bool {
	switch key {
	case "STATE_DIRECTORY", "RUNTIME_DIRECTORY", "CONFIGURATION_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
		"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NO_COLOR", "CLICOLOR_FORCE":
		return true
	}
	return false
}
