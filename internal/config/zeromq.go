package config

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/zeromq"
)

// submitSocket is the path of the socket for submissions over ZeroMQ that stands beside http.socket and is named after it, so
// that nodes whose sockets share a directory are not in each other's way.
func submitSocket(httpSocket string) string {
	return strings.TrimSuffix(httpSocket, ".sock") + "-submit.sock"
}

// defaultZeroMQ is the section [zeromq] of a node with that http.socket.
func defaultZeroMQ(httpSocket string) zeromq.Config {
	c := zeromq.DefaultConfig()
	c.Submit = defaultSubmit(httpSocket)
	return c
}

// defaultSubmit gives the socket for submissions beside http.socket, open to the same users and asking the same of signatures.
// There is none where that has none, and where its path would be too long: a node must not fail for what nobody asked of it.
func defaultSubmit(httpSocket string) []string {
	path, query, _ := strings.Cut(strings.TrimPrefix(httpSocket, "unix://"), "?")
	values, err := url.ParseQuery(query)
	if err != nil || !filepath.IsAbs(path) {
		return nil
	}
	path = submitSocket(path)
	if len(path) > maxSocketPath {
		return nil
	}
	uri := "ipc://" + (&url.URL{Path: path}).EscapedPath()
	separator := "?"
	for _, name := range []string{"group", "mode", "verify"} {
		if values.Has(name) {
			uri += separator + name + "=" + url.QueryEscape(values.Get(name))
			separator = "&"
		}
	}
	return []string{uri}
}

// validateZeroMQ refuses CURVE where nobody could pass.
func (c *Config) validateZeroMQ() error {
	var faults []error
	names := map[string]bool{}
	for i := range c.ZeroMQClient {
		names[c.ZeroMQClient[i].Name] = true
	}
	if keys := c.ZeroMQ.CurveKeys(); len(keys) > 0 && len(names) == 0 {
		faults = append(faults, fault(keys[0], "has an endpoint with curve=yes, which lets in only what a [[zeromq_client]] names, and there is none"))
	}
	for i := range c.Publisher {
		if name := c.Publisher[i].Curve; name != "" && !names[name] {
			faults = append(faults, fault("publisher", "%d has curve = %q, and there is no [[zeromq_client]] of that name", i+1, name))
		}
	}
	return errors.Join(faults...)
}
