package zmtp

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// maxSocketPath is the longest path of a unix socket that Linux takes.
const maxSocketPath = 107

// address is what stands in a URI, as the net package takes it.
type address struct {
	network string // tcp or unix
	name    string // HOST:PORT, a path, or @NAME
}

// parseURI reads tcp://HOST:PORT, ipc://PATH or ipc://@NAME. To bind, the host may be * and the port 0 or *.
func parseURI(uri string, bind bool) (address, error) {
	scheme, rest, ok := strings.Cut(uri, "://")
	switch {
	case !ok:
		return address{}, uriError(uri, "it has no scheme; write tcp://HOST:PORT or ipc:///PATH")
	case scheme == "tcp":
		return parseTCP(uri, rest, bind)
	case scheme == "ipc":
		return parseIPC(uri, rest)
	}
	return address{}, uriError(uri, "the scheme "+strconv.Quote(scheme)+" is not spoken; write tcp://HOST:PORT or ipc:///PATH")
}

func parseTCP(uri, rest string, bind bool) (address, error) {
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		return address{}, uriError(uri, "it is not tcp://HOST:PORT, with an IPv6 address in brackets")
	}
	if bind && port == "*" {
		port = "0"
	}
	number, err := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil:
		return address{}, uriError(uri, "its port is not a number up to 65535")
	case !bind && number == 0:
		return address{}, uriError(uri, "nothing can connect to port 0")
	case host == "":
		return address{}, uriError(uri, "it has no host; write * for every interface")
	case host == "*" && !bind:
		return address{}, uriError(uri, "nothing can connect to *; name a host")
	case host == "*":
		host = ""
	}
	return address{"tcp", net.JoinHostPort(host, strconv.FormatUint(number, 10))}, nil
}

func parseIPC(uri, path string) (address, error) {
	switch {
	case path == "" || path == "@":
		return address{}, uriError(uri, "it has no path")
	case strings.ContainsRune(path, 0):
		return address{}, uriError(uri, "its path has a NUL in it")
	case len(path) > maxSocketPath:
		return address{}, uriError(uri, fmt.Sprintf("its path has %d bytes; a socket's has at most %d", len(path), maxSocketPath))
	}
	return address{"unix", path}, nil
}

func uriError(uri, why string) error {
	return fmt.Errorf("zmtp: %q is no endpoint: %s", uri, why)
}

// boundURI is the URI of what was bound, with the port that was found.
func boundURI(uri string, a address, ln net.Addr) string {
	tcp, ok := ln.(*net.TCPAddr)
	if !ok {
		return uri
	}
	host, _, err := net.SplitHostPort(a.name)
	if err != nil {
		return uri
	}
	if host == "" {
		return "tcp://*:" + strconv.Itoa(tcp.Port)
	}
	return "tcp://" + net.JoinHostPort(host, strconv.Itoa(tcp.Port))
}
