package doctor

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
)

// listener is a place where the node listens by its configuration, and how it is known from another program there.
type listener struct {
	key     string
	network string // tcp or unix
	address string
	cert    string // the file of the certificate that is to be shown; empty without TLS
	zmtp    bool   // it speaks ZeroMQ, else HTTP
	passed  bool   // systemd may listen there also while the node does not run
}

// allListeners lists them. One with port 0 has a place that nobody knows.
func (s *Subject) allListeners() (all []listener) {
	c := &s.Loaded.Config
	for _, uri := range c.HTTP.Listen {
		if u, err := url.Parse(uri); err == nil && u.Port() != "0" {
			all = append(all, listener{key: "http.listen", network: "tcp", address: fromHere(u), cert: u.Query().Get("cert"), passed: u.Query().Has("fd")})
		}
	}
	for _, list := range []struct {
		key  string
		uris []string
	}{{"zeromq.publish", c.ZeroMQ.Publish}, {"zeromq.submit", c.ZeroMQ.Submit}, {"zeromq.relay_in", c.ZeroMQ.RelayIn}, {"zeromq.replay", c.ZeroMQ.Replay}} {
		for _, uri := range list.uris {
			u, err := url.Parse(uri)
			if err != nil || u.Port() == "0" {
				continue
			}
			l := listener{key: list.key, network: "tcp", address: fromHere(u), zmtp: true}
			if u.Scheme == "ipc" {
				l.network, l.address = "unix", u.Path
			}
			all = append(all, l)
		}
	}
	return all
}

// fromHere is where this machine reaches what listens on HOST:PORT.
func fromHere(u *url.URL) string {
	host := u.Hostname()
	if ip := net.ParseIP(host); host == "*" || host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, u.Port())
}

// listeners asks at each place whether the node answers there; of one that does not run, whether somebody else does.
func (s *Subject) listeners(n *node) func(context.Context) []Finding {
	return func(ctx context.Context) []Finding {
		places := s.allListeners()
		if len(places) == 0 {
			return []Finding{ok("http.listen, zeromq", "the node listens on its socket alone")}
		}
		all := make([]Finding, len(places))
		done := make(chan bool)
		for i, l := range places {
			go func() {
				all[i] = l.look(ctx, n)
				done <- true
			}()
		}
		for range places {
			<-done
		}
		return all
	}
}

func (l *listener) look(ctx context.Context, n *node) Finding {
	looked := l.key + " (" + l.address + ")"
	conn, err := new(net.Dialer).DialContext(ctx, l.network, l.address)
	switch {
	case err != nil && n.running:
		return failed(looked, "the node does not listen there: "+reason(err), "restart the node, if the key was changed; `journalctl -u fedmsg` says whether it could listen there")
	case err != nil || l.passed && !n.running:
		return ok(looked, "nobody listens there but the node, when it runs")
	}
	defer conn.Close()
	if !n.running && !n.absent() {
		return warning(looked, "something listens there; whether it is the node is not known", "run this as root or as the user that the node runs as")
	}
	if !n.running {
		return failed(looked, "another program listens there, so that the node cannot start", "`ss -ltnp` and `ss -lxp` say which; stop it, or choose another place with "+l.key)
	}
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(end)
	}
	if err := l.greet(ctx, conn); err != nil {
		return failed(looked, "what listens there does not answer as the node does: "+err.Error(), "`ss -ltnp` says what it is; if it is the node, `journalctl -u fedmsg` says more")
	}
	return ok(looked, "the node answers")
}

// greet exchanges the first bytes with what listens there.
func (l *listener) greet(ctx context.Context, conn net.Conn) error {
	switch {
	case l.zmtp:
		if _, err := conn.Write([]byte{0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f}); err != nil {
			return err
		}
		first := make([]byte, 10)
		if _, err := io.ReadFull(conn, first); err != nil {
			return err
		}
		if first[0] != 0xff || first[9]&1 == 0 {
			return fmt.Errorf("it does not speak ZeroMQ")
		}
		return nil
	case l.cert != "":
		return l.greetTLS(ctx, conn)
	}
	if _, err := io.WriteString(conn, "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		return err
	}
	line, err := bufio.NewReader(io.LimitReader(conn, 1<<10)).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 ") {
		return fmt.Errorf("it does not speak HTTP")
	}
	return nil
}

// greetTLS looks whether the certificate of the file is shown. Whom it is for does not matter here: it may be named otherwise than
// this machine reaches itself.
func (l *listener) greetTLS(ctx context.Context, conn net.Conn) error {
	secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // nothing is said there, and the certificate is compared
	if err := secure.HandshakeContext(ctx); err != nil {
		return err
	}
	data, err := os.ReadFile(l.cert)
	if err != nil {
		return nil //nolint:nilerr // another check tells of it
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if shown := secure.ConnectionState().PeerCertificates[0]; err == nil && !shown.Equal(leaf) {
		return fmt.Errorf("it shows another certificate than that of %s, one that ends at %s", l.cert, shown.NotAfter.UTC().Format("2006-01-02"))
	}
	return nil
}
