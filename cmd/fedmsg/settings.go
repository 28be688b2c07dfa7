package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/config"
)

// settingFlags are the flags of a verb that set keys of the configuration, by the flag's name.
type settingFlags map[string]string

// nodeFlags adds the flags that set keys of a node.
func nodeFlags(f *pflag.FlagSet) settingFlags {
	f.String("state", "", "directory of the log, tokens and saved positions (key state)")
	f.StringArray("listen", nil, "URI to listen on, http://HOST:PORT or https://HOST:PORT?cert=FILE&key=FILE; may be repeated (key http.listen)")
	f.String("socket", "", "path or unix:// URI of the local socket (key http.socket)")
	f.StringArray("zeromq-publish", nil, "URI to publish on over ZeroMQ, tcp://HOST:PORT or ipc:///PATH; may be repeated, '' is none (key zeromq.publish)")
	f.String("topic-prefix", "", "beginning of the topics of this organisation, as in org.example (key topic_prefix)")
	f.String("environment", "", "dev, stg, prod or production (key environment)")
	f.String("log-level", "", "debug, info, warn or error (key log_level)")
	return settingFlags{
		"state": "state", "listen": "http.listen", "socket": "http.socket", "zeromq-publish": "zeromq.publish",
		"topic-prefix": "topic_prefix", "environment": "environment", "log-level": "log_level",
	}
}

// configFlag adds --config.
func configFlag(f *pflag.FlagSet) {
	f.String("config", "", "configuration file; conf.d/*.toml beside it is read too (default $FEDMSG_CONFIG, /etc/fedmsg/fedmsg.toml or the user's own)")
}

// loadConfig reads the configuration for a verb: the file of --config where the verb has that flag, conf.d, the
// environment, and the flags that set keys. A directory or socket given by a flag may be relative. The Loaded is what could
// be understood even where there is an error, and never nil.
func (p *program) loadConfig(cmd *cobra.Command, flags settingFlags) (*config.Loaded, error) {
	return p.loadConfigFor(cmd, flags, false)
}

// loadConfigFor is loadConfig for a node, or for one of its clients.
func (p *program) loadConfigFor(cmd *cobra.Command, flags settingFlags, isClient bool) (*config.Loaded, error) {
	src := config.Source{Environ: p.environ(), UID: os.Getuid(), Client: isClient}
	if f := cmd.Flags().Lookup("config"); f != nil && f.Changed {
		if f.Value.String() == "" {
			return &config.Loaded{}, fedmsg.Errorf(fedmsg.CodeUsage, "--config needs the name of a file")
		}
		src.File = f.Value.String()
	}
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		key, ok := flags[f.Name]
		if !ok || err != nil {
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		if isPath(f.Name) && values[0] != "" && !isURI(values[0]) {
			values[0], err = filepath.Abs(values[0])
		}
		src.Flags = append(src.Flags, config.Flag{Name: "--" + f.Name, Key: key, Values: values})
	})
	if err != nil {
		return &config.Loaded{}, fedmsg.WrapError(fedmsg.CodeUsage, err, "cannot tell where the current directory is; give absolute paths")
	}
	return config.Load(src)
}

// getenv looks a variable up in the environment that the program was given.
func (p *program) getenv(name string) string {
	for _, kv := range slices.Backward(p.environ()) {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}

// isPath reports whether the flag takes a path, which may be relative.
func isPath(flag string) bool { return flag == "state" || flag == "socket" || flag == "spool" }

func isURI(s string) bool { return strings.Contains(s, "://") }
