package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/config"
	"github.com/federated-messaging/fedmsg/mesh"
)

// meshPublishFlags are the flags of `fedmsg publish --mesh`.
type meshPublishFlags struct {
	file        string
	given       bool
	name, host  string
	ports, wire string
	subscribers int
	wait        time.Duration // for subscribers
}

func (o *meshPublishFlags) register(cmd *cobra.Command, f *pflag.FlagSet) {
	f.StringVar(&o.file, "mesh", "", "publish without a node: take a port and announce it in this endpoints file")
	f.StringVar(&o.name, "name", "", "with --mesh: name of the service, unlike all others, as in wiki.web01")
	f.StringVar(&o.host, "host", "", "with --mesh: host or address to bind and announce (default: all, announced by the name of this machine)")
	f.StringVar(&o.ports, "ports", "3000-3099", "with --mesh: FIRST-LAST, the ports of which a free one is taken")
	f.StringVar(&o.wire, "wire", string(mesh.Fedmsg1), "with --mesh: fedmsg1, which everybody understands, or fedmsg2, which carries detached signatures")
	f.IntVar(&o.subscribers, "subscribers", 1, "with --mesh: send when so many are listening")
	choices(cmd, "wire", string(mesh.Fedmsg1), string(mesh.Fedmsg2))
}

// check refuses flags of one way beside the other.
func (o *meshPublishFlags) check(cmd *cobra.Command) error {
	f := cmd.Flags()
	o.given = f.Changed("mesh")
	others, why := []string{"name", "host", "ports", "wire", "subscribers"}, "goes with --mesh"
	if o.given {
		others, why = []string{"node", "token-file", "timeout", "spool", "no-spool", "wait"}, "is about a node, and --mesh asks none"
	}
	for _, name := range others {
		if f.Changed(name) {
			return fedmsg.Errorf(fedmsg.CodeUsage, "--%s %s", name, why)
		}
	}
	switch {
	case !o.given:
	case o.file == "":
		return fedmsg.Errorf(fedmsg.CodeUsage, "--mesh needs the name of an endpoints file")
	case strings.Contains(o.file, "://") || strings.HasPrefix(o.file, "srv:"):
		return fedmsg.Errorf(fedmsg.CodeUsage, "--mesh %q is no file: publish needs an endpoints file to announce itself in", o.file)
	case o.name == "":
		return fedmsg.Errorf(fedmsg.CodeUsage, "--mesh needs --name, by which others know the service")
	case o.subscribers < 0:
		return fedmsg.Errorf(fedmsg.CodeUsage, "--subscribers must not be negative")
	}
	return nil
}

// publishMesh runs `fedmsg publish --mesh`: all messages, when those who are to hear them are there.
func (p *program) publishMesh(cmd *cobra.Command, cfg *config.Config, o *publishFlags, m fedmsg.Message, args []string) (err error) {
	next, closeInput, err := p.meshDocuments(o, m, args)
	if err != nil {
		return err
	}
	defer closeInput()
	publisher, err := mesh.NewPublisher(mesh.PublisherOptions{
		Name: o.mesh.name, Host: o.mesh.host, Ports: o.mesh.ports, File: o.mesh.file, Format: mesh.Format(o.mesh.wire),
		SigningKey: o.sign, SigningCertificate: o.cert, TopicPrefix: cfg.TopicPrefix, Environment: cfg.Environment, Modname: o.modname,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, publisher.Close()) }() // which waits until what was sent is on its way
	if err := o.mesh.await(cmd.Context(), publisher); err != nil {
		return err
	}
	for {
		doc, err := next()
		switch {
		case err == io.EOF:
			return nil
		case err == nil && doc.envelope != nil:
			err = fedmsg.Errorf(fedmsg.CodeUsage, "a whole envelope goes through a node: leave --mesh out")
		}
		if err != nil {
			return atPlace(doc.at, err)
		}
		id, err := publisher.PublishMessage(cmd.Context(), doc.message)
		if err != nil {
			return atPlace(doc.at, err)
		}
		line := id + " sent\n"
		if o.format == "json" {
			line = fmt.Sprintf(`{"id":"%s","sent":true}`+"\n", id)
		}
		if _, err := io.WriteString(p.stdout, line); err != nil {
			return fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot print the ids")
		}
	}
}

// await waits for the subscribers.
func (o *meshPublishFlags) await(ctx context.Context, publisher *mesh.Publisher) error {
	waiting, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	err := publisher.WaitSubscribers(waiting, o.subscribers)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return interrupted(ctx, err)
	}
	return fedmsg.Errorf(fedmsg.CodeUnavailable, "nothing was sent: in %s fewer than %d subscribers came to %s; see --wait-timeout and --subscribers", o.wait, o.subscribers, publisher.Addresses()[0])
}

// meshDocuments gives the messages of the command line or the input, one after the other.
func (p *program) meshDocuments(o *publishFlags, m fedmsg.Message, args []string) (next documents, done func(), err error) {
	if o.hasMessage {
		if m.Body, err = textBody(o.message, o.jsonInput); err != nil {
			return nil, nil, err
		}
		given := false
		return func() (submission, error) {
			if given {
				return submission{}, io.EOF
			}
			given = true
			return submission{message: m}, nil
		}, func() {}, nil
	}
	in, err := p.input(args)
	if err != nil {
		return nil, nil, err
	}
	done = func() { _ = in.Close() } // read only
	if o.hasTopic {
		return bodies(m)(in), done, nil
	}
	return (&stream{dec: client.NewDecoder()}).lines(in), done, nil
}

// atPlace says where in the input an error is, where there are several places.
func atPlace(place string, err error) error {
	if place == "" {
		return err
	}
	code, text := fedmsg.Public(err)
	return fedmsg.WrapError(code, err, "%s: %s", place, text)
}
