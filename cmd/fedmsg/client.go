package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/ops"
)

// clientFlags are the flags of verbs that talk to a node.
type clientFlags struct {
	tokenFile string
	timeout   time.Duration
	noSpool   bool
	sign      string // file of a key to sign with
	cert      string // file of its certificate
	settings  settingFlags
	nodeGiven bool // by --node
}

// nodeClientFlags adds the flags by which a verb finds a node.
func nodeClientFlags(f *pflag.FlagSet) *clientFlags {
	c := &clientFlags{settings: settingFlags{"node": "node"}}
	f.String("node", "", "node to talk to: unix:///path, http://host:port or https://host:port (default $FEDMSG_NODE, else the node of this machine)")
	f.StringVar(&c.tokenFile, "token-file", "", "file with the token to show to the node (default: the token in $FEDMSG_TOKEN)")
	f.DurationVar(&c.timeout, "timeout", 5*time.Second, "how long to wait for the node")
	configFlag(f)
	return c
}

// publishingFlags adds the flags of verbs that publish.
func (c *clientFlags) publishingFlags(f *pflag.FlagSet) {
	f.String("topic-prefix", "", "beginning of full topics (key topic_prefix)")
	f.String("environment", "", "dev, stg, prod or production (key environment)")
	f.BoolVar(&c.noSpool, "no-spool", false, "fail when no node takes the message, instead of keeping it in the spool")
	f.String("spool", "", "directory of the spool (key spool.directory; default /var/spool/fedmsg, or the user's own)")
	c.settings["topic-prefix"], c.settings["environment"], c.settings["spool"] = "topic_prefix", "environment", "spool.directory"
}

// clientConfig reads the few keys that a client needs. The file of a node need not be readable for those who publish.
func (p *program) clientConfig(cmd *cobra.Command, c *clientFlags) (config.Config, error) {
	c.nodeGiven = cmd.Flags().Changed("node")
	loaded, err := p.loadConfigFor(cmd, c.settings, true)
	if err == nil {
		if loaded.Config.Node == "" {
			loaded.Config.Node = configuredSocket(loaded)
		}
		return loaded.Config, nil
	}
	named := cmd.Flags().Changed("config") || p.getenv("FEDMSG_CONFIG") != ""
	if f, openErr := os.Open(loaded.File); openErr == nil {
		f.Close()
	} else if !named && errors.Is(openErr, fs.ErrPermission) {
		return loaded.Config, nil
	}
	return config.Config{}, err
}

// configuredSocket is where the node of this configuration listens, or empty where that does not say: then the usual places are tried.
func configuredSocket(l *config.Loaded) string {
	socket, _, _ := strings.Cut(l.Config.HTTP.Socket, "?")
	switch {
	case socket == "" || l.Origin("http.socket").Kind == config.FromDefault:
		return ""
	case !isURI(socket):
		return "unix://" + socket
	}
	return socket
}

// newClient makes the client that flags and configuration ask for.
func (p *program) newClient(cfg config.Config, c *clientFlags, publishes bool) (*client.Client, error) {
	if c.timeout <= 0 {
		return nil, fedmsg.Errorf(fedmsg.CodeUsage, "--timeout must be more than 0, not %s", c.timeout)
	}
	secret, err := p.secret(c)
	if err != nil {
		return nil, err
	}
	o := client.Options{Node: cfg.Node, Timeout: c.timeout, Token: secret, Logger: slog.New(slog.DiscardHandler)}
	if c.cert != "" && c.sign == "" {
		return nil, fedmsg.Errorf(fedmsg.CodeUsage, "--certificate goes with --sign FILE, the certificate's private key")
	}
	o.SigningKey, o.SigningCertificate = c.sign, c.cert
	if publishes && !c.noSpool {
		o.Spool = cfg.Spool.Directory // where the node of this machine looks for it
	}
	made, err := client.New(o)
	if code, text := fedmsg.Public(err); err != nil && code == fedmsg.CodeConfig && c.nodeGiven {
		return nil, fedmsg.WrapError(fedmsg.CodeUsage, errors.Unwrap(err), "--node: %s", text)
	}
	return made, err
}

// secret is the token to show to the node: that of --token-file, else of the environment, else none.
func (p *program) secret(c *clientFlags) (string, error) {
	secret := p.getenv("FEDMSG_TOKEN")
	if c.tokenFile != "" {
		b, err := os.ReadFile(c.tokenFile)
		if err != nil {
			return "", fedmsg.WrapError(fedmsg.CodeUsage, err, "cannot read the token")
		}
		secret = strings.TrimSpace(string(b))
	}
	if strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "", fedmsg.Errorf(fedmsg.CodeUsage, "the token has characters that no token has; see `fedmsg token new`")
	}
	return secret, nil
}

// newPublisher makes the client of a verb that publishes, with what waits in the spool sent before. The caller closes it.
func (p *program) newPublisher(cmd *cobra.Command, c *clientFlags) (*client.Client, config.Config, error) {
	cfg, err := p.clientConfig(cmd, c)
	if err != nil {
		return nil, cfg, err
	}
	publisher, err := p.newClient(cfg, c, true)
	if err != nil {
		return nil, cfg, err
	}
	drainFirst(cmd.Context(), publisher, c.timeout)
	return publisher, cfg, nil
}

// drainFirst sends what waits in the spool, since what comes now queues behind it. If that fails now, publishing says so.
func drainFirst(ctx context.Context, c *client.Client, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_ = c.DrainSpool(ctx)
}

// note writes one line for people to standard error. Arguments that are errors or strings may hold text from outside and
// are made harmless.
func (p *program) note(format string, args ...any) {
	for i, a := range args {
		switch a := a.(type) {
		case error:
			args[i] = ops.Printable(sentence(a))
		case string:
			args[i] = ops.Printable(a)
		}
	}
	fmt.Fprintf(p.stderr, format+"\n", args...)
}
