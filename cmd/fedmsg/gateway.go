package main

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/internal/daemon"
	"github.com/federated-messaging/fedmsg/internal/filter"
	"github.com/federated-messaging/fedmsg/internal/gateway"
	"github.com/federated-messaging/fedmsg/mesh"
	"github.com/federated-messaging/fedmsg/zmtp"
)

// gatewayOut is where the old gateway published.
const gatewayOut = "tcp://*:9940?format=fedmsg1"

// gatewayFlags are the flags of `fedmsg gateway`.
type gatewayFlags struct {
	*clientFlags
	topics, bind []string
	mesh         meshFlags
}

// gatewayCommand is `fedmsg gateway`, also by its old name.
func (p *program) gatewayCommand(name string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   name + " --topic PATTERN…",
		Short: "Publish what a node has to subscribers outside; nothing comes in",
		Long: `Follow a node, or publishers of the mesh, and publish what --topic names to whoever connects over ZeroMQ. Nothing comes in
through a gateway: its sockets only publish, and it asks the node by itself, so that the node need not be reachable from where
the gateway stands. It keeps no log and needs no state: a subscriber reads the recent messages from memory, and one who falls
further behind goes on with the newest, which is logged.

What may be read here is what --topic says, and no more than the node lets the gateway read: see --token-file. An
endpoint with curve=yes lets in only who has a [[zeromq_client]] in the configuration.`,
		Example: `  fedmsg gateway --topic 'org.example.prod.#'
  fedmsg gateway --node https://bus.example.org --token-file token --topic 'org.example.prod.#' --bind 'tcp://*:9940?format=fedmsg2'
  fedmsg gateway --mesh /etc/fedmsg/endpoints --topic 'org.example.prod.#' --verify require`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{wordsHint: "patterns of topics go with --topic"},
	}
	f := cmd.Flags()
	o := gatewayFlags{clientFlags: nodeClientFlags(f)}
	f.StringArrayVar(&o.topics, "topic", nil, "pattern of topics that may leave; may be repeated, # is everything")
	f.StringArrayVar(&o.bind, "bind", []string{gatewayOut}, "URI to publish on, tcp://HOST:PORT?format=FORMAT or ipc:///PATH?format=FORMAT; may be repeated")
	o.mesh.register(cmd, f)
	if name != "gateway" {
		takeOldFlags(cmd, commonOldFlags())
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.mesh.check(cmd, "node", "token-file", "timeout"); err != nil {
			return err
		}
		return p.gateway(cmd, &o)
	}
	return cmd
}

// gateway runs the verb.
func (p *program) gateway(cmd *cobra.Command, o *gatewayFlags) error {
	if len(o.topics) == 0 {
		return fedmsg.Errorf(fedmsg.CodeUsage, "say what may leave: --topic 'org.example.prod.#', or --topic '#' for everything")
	}
	follow, err := (&tailFlags{topics: o.topics}).follow(time.Now())
	if err != nil {
		return err
	}
	cfg, err := p.clientConfig(cmd, o.clientFlags)
	if err != nil {
		return err
	}
	source, done, err := p.gatewaySource(cmd, &cfg, o, follow)
	if err != nil {
		return err
	}
	defer done()
	cfg.ZeroMQ.Publish = o.bind
	g, err := gateway.Open(gateway.Config{
		ZeroMQ: cfg.ZeroMQ, Clients: cfg.ZeroMQClient, Source: source, IsGap: isGap,
		Curve:  func() (zmtp.CurvePair, error) { return daemon.OwnCurve(cfg.State) },
		Logger: p.operatorLog(cfg.LogLevel),
	})
	if err != nil { // about sockets that no configuration names
		return fedmsg.Errorf(fedmsg.CodeOf(err), "%s", strings.ReplaceAll(sentence(err), "zeromq.publish", "--bind"))
	}
	for _, place := range g.Places() {
		fmt.Fprintln(p.stdout, place)
	}
	return g.Run()
}

// isGap reports whether an error stands for messages that are missing.
func isGap(err error) bool {
	_, ofNode := errors.AsType[*fedmsg.Gap](err)
	_, ofMesh := errors.AsType[*mesh.Gap](err)
	return ofNode || ofMesh
}

// gatewaySource gives what the gateway publishes, until the user stops it. The caller calls done behind it.
func (p *program) gatewaySource(cmd *cobra.Command, cfg *config.Config, o *gatewayFlags, follow client.FollowOptions) (iter.Seq2[fedmsg.Entry, error], func(), error) {
	ctx := cmd.Context()
	if len(o.mesh.sources) > 0 {
		r, err := p.newMeshReader(cmd, cfg, &o.mesh, filter.Filter{Topics: follow.Topics, Scope: []fedmsg.Pattern{fedmsg.MatchAll()}})
		if err != nil {
			return nil, nil, err
		}
		return r.entries(ctx), func() {}, nil
	}
	c, err := p.newClient(*cfg, o.clientFlags, false)
	if err != nil {
		return nil, nil, err
	}
	follow.FailFast = false // a gateway may start before its node
	follow.Lost, follow.Resumed = p.connection(cmd.CommandPath())
	return c.Follow(ctx, follow), func() { _ = c.Close() }, nil // which never fails
}

// connection gives what tells people that the node is away, each reason once, and that it is back.
func (p *program) connection(name string) (lost func(error, time.Duration), resumed func()) {
	told := "" // the reason that was told last: each attempt has the same one while a node is away
	lost = func(err error, _ time.Duration) {
		if why := sentence(err); why != told {
			told = why
			p.note("%s", name+": "+why+"; trying again until it works")
		}
	}
	return lost, func() {
		told = ""
		p.note("%s", name+": connected again")
	}
}
