package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// serveCommand is `fedmsg serve`: the node.
func (p *program) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a node: take messages, keep them, and stream them to readers",
		Long: `Run a node. It works with nothing configured: it listens on a local socket and on http://127.0.0.1:8940, keeps its log
in its state directory, and stops clean on SIGTERM or Ctrl-C.

Configuration is one TOML file with conf.d/*.toml beside it, then FEDMSG_* variables, then flags. See fedmsg config show.
It is read once: a changed configuration needs a restart. Certificates, tokens, keys and trust files are read again when
they change.`,
		Example: `  fedmsg serve
  fedmsg serve --config /etc/fedmsg/fedmsg.toml
  fedmsg serve --topic-prefix org.debian --environment prod
  fedmsg serve --state ./state --socket ./fedmsg.sock --listen http://127.0.0.1:8941`,
		Args: cobra.NoArgs,
	}
	configFlag(cmd.Flags())
	flags := nodeFlags(cmd.Flags())
	choices(cmd, "environment", "dev", "stg", "prod", "production")
	choices(cmd, "log-level", "debug", "info", "warn", "error")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		l, err := p.loadConfig(cmd, flags)
		if err != nil {
			return err
		}
		return p.serve(cmd.Context(), l)
	}
	return cmd
}

// operatorLog is the log of a verb that runs until it is stopped.
func (p *program) operatorLog(level slog.Level) *slog.Logger {
	return slog.New(ops.NewHandler(p.stderr, ops.HandlerOptions{
		Level: level, Journal: ops.Journal(p.stderr, p.getenv), Color: ops.Color(p.stderr, p.getenv), Time: ops.Terminal(p.stderr),
	}))
}

// serve runs a node until ctx ends.
func (p *program) serve(ctx context.Context, l *config.Loaded) error {
	log := p.operatorLog(l.Config.LogLevel)
	for _, w := range l.Warnings {
		log.Warn(w)
	}
	if dir := l.Config.Spool.Directory; dir != "" && l.UserSpool(p.getenv) == "" {
		log.Info("there is another node of this user, to which the usual spool is left; spool.directory names this node's", "directory", dir)
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	node, err := daemon.New(l.Config, daemon.Options{
		Version: readVersion().Version, Settings: l.Settings(), Logger: log, Getenv: p.getenv, Hangup: hangup,
		SpoolDirs: []string{l.UserSpool(p.getenv)},
	})
	if errors.Is(err, syscall.EADDRINUSE) {
		code, why := fedmsg.Public(err)
		return fedmsg.Errorf(code, "%s; stop what listens there, perhaps another node, or choose another place with --listen (key http.listen)", why)
	}
	if err != nil {
		return err
	}
	elsewhere := append(node.Bus(), node.Delivery()...)
	if ops.Journal(p.stdout, p.getenv) {
		logPlaces(log, node.Addrs(), elsewhere)
	} else {
		p.welcome(l, node.Addrs(), elsewhere)
	}
	return node.Run(ctx)
}

// logPlaces says where the node listens, and what it does elsewhere, to a journal, which nobody reads to try something.
func logPlaces(log *slog.Logger, addrs, elsewhere []string) {
	for _, a := range addrs {
		log.Info("listening", "address", a)
	}
	for _, sentence := range elsewhere {
		log.Info(sentence)
	}
}

// welcome says where the node listens, what it does elsewhere, and what to do next.
func (p *program) welcome(l *config.Loaded, addrs, elsewhere []string) {
	w := p.stdout
	for _, a := range addrs {
		fmt.Fprintf(w, "listening on %s\n", a)
	}
	for _, sentence := range elsewhere {
		fmt.Fprintln(w, ops.Printable(sentence))
	}
	c := &l.Config
	if l.Origin("topic_prefix").Kind == config.FromDefault || l.Origin("environment").Kind == config.FromDefault {
		fmt.Fprintf(w, "topics begin with %s.%s; set topic_prefix and environment in %s, or --topic-prefix and --environment\n", c.TopicPrefix, c.Environment, l.File)
	}
	if len(addrs) > 0 {
		p.suggest(w, c, addrs)
	}
}

// suggest writes three lines that can be run as they are.
func (p *program) suggest(w io.Writer, c *config.Config, addrs []string) {
	self, node := selfCommand(), nodeFlag(addrs)
	fmt.Fprintf(w, "try, in another terminal:\n")
	fmt.Fprintf(w, "  %s tail%s --since 1h\n", self, node)
	fmt.Fprintf(w, "  %s publish%s --topic %s.%s.greeting.hello --message 'Hello World.'\n", self, node, c.TopicPrefix, c.Environment)
	fmt.Fprintf(w, "  curl -N %s\n", curlTarget(addrs, "/v1/stream?since=1h"))
}

// nodeFlag names the node where the commands would not find it by themselves.
func nodeFlag(addrs []string) string {
	for _, a := range addrs {
		if a == "http://127.0.0.1:8940" || a == "unix:///run/fedmsg/fedmsg.sock" {
			return ""
		}
	}
	return " --node " + addrs[0]
}

// curlTarget is what curl is given to reach a path of the node.
func curlTarget(addrs []string, path string) string {
	for _, a := range addrs {
		if strings.HasPrefix(a, "http") {
			return "'" + a + path + "'"
		}
	}
	return "--unix-socket " + strings.TrimPrefix(addrs[0], "unix://") + " 'http://localhost" + path + "'"
}

// selfCommand is how the user runs this very program again.
func selfCommand() string {
	self, err := os.Executable()
	switch {
	case err != nil:
		return "fedmsg"
	case strings.Contains(self, "/go-build"):
		return "go run ./cmd/fedmsg" // which has made a program that is gone when the node ends
	}
	if found, err := exec.LookPath("fedmsg"); err == nil && sameFile(found, self) {
		return "fedmsg"
	}
	return self
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
