package peer

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/client"
	"github.com/federated-messaging/fedmsg/internal/remote"
)

// optionPlain lets messages, and a token, go over plain HTTP to another machine.
const optionPlain = "insecure_plain_http"

// patience bounds a connect, and the wait for the head of an answer.
const patience = 10 * time.Second

// node is the other node.
type node struct {
	uri   string // as client takes it: without options
	host  string // in its certificate
	plain bool   // a token may go over plain HTTP
	local bool   // a unix socket
	files remote.Files
}

// parse reads the address of a node with the options of the endpoint.
func parse(address string, files remote.Files, options ...string) (node, *remote.Endpoint, error) {
	e, err := remote.Parse(address, []string{"https", "http", "unix"}, append(options, optionPlain))
	if err != nil {
		return node{}, nil, err
	}
	n := node{uri: e.String(), host: e.Host, local: e.Scheme == "unix", files: files}
	n.plain = e.Flag(optionPlain, false)
	if err := errors.Join(e.Err(), n.check(e)); err != nil {
		return n, nil, err
	}
	c, err := client.New(client.Options{Node: n.uri, Username: "fedmsg"})
	if err != nil {
		return n, nil, err
	}
	return n, e, c.Close()
}

// check tells what of an address cannot be that of a node.
func (n *node) check(e *remote.Endpoint) error {
	if e.User != "" {
		return fault("%s has a user in its address; a node knows others by a token, whose file is named by credentials, or by a certificate", n.uri)
	}
	if before, _, ok := strings.Cut(e.Path+"/", "/v1/"); ok && !n.local {
		return fault("%s goes on behind the address of the node, which knows by itself what is where; write %s", n.uri, strings.TrimSuffix(n.uri, e.RawPath)+before)
	}
	if e.Scheme == "http" && !n.plain && !loopback(e.Host) {
		return fault("%s sends messages to another machine without encryption; use https, or allow it with ?%s=yes", n.uri, optionPlain)
	}
	if n.files.Certificate != "" && e.Scheme != "https" {
		return fault("a certificate is shown only over https, and %s is not", n.uri)
	}
	return n.files.Validate()
}

// loopback reports whether nothing leaves this machine on the way to the host.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.IsLoopback()
}

// client makes one with the credentials and certificates as they are now.
func (n *node) client() (*client.Client, error) {
	token, err := n.files.Secret()
	if err != nil {
		return nil, err
	}
	o := client.Options{Node: n.uri, Token: token, InsecurePlainHTTP: n.plain, Username: "fedmsg", Timeout: patience}
	if strings.HasPrefix(n.uri, "https:") {
		if o.TLS, err = n.files.TLS(n.host); err != nil {
			return nil, err
		}
	}
	return client.New(o)
}

// told is an error as the operator of this node is to see it: what the client says for people at a command line is of no use here.
func (n *node) told(err error) error {
	var none interface {
		error
		Unanswered() bool
	}
	if errors.As(err, &none) && none.Unanswered() {
		return fedmsg.WrapError(fedmsg.CodeUnavailable, none, "nothing answers at %s", n.uri)
	}
	return err
}

func fault(format string, args ...any) error {
	return fedmsg.Errorf(fedmsg.CodeConfig, format, args...)
}
