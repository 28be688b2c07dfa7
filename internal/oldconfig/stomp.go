package oldconfig

import (
	"net"
	"path"
	"regexp"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/pyconf"
)

// stompSecret is where the password for the broker goes, which is not copied.
const stompSecret = "/etc/fedmsg/stomp.secret"

// stomp writes a source for the broker that a hub took messages from.
func (c *conversion) stomp() {
	brokers, at, ok := c.text("stomp_uri")
	queue, queueAt, hasQueue := c.text("stomp_queue")
	_, userAt, hasUser := c.text("stomp_user")
	certificate, certificateAt, hasTLS := c.text("stomp_ssl_crt")
	key, keyAt, _ := c.text("stomp_ssl_key")
	_, passwordAt, hasPassword := c.text("stomp_pass")
	if _, beatAt, ok := c.value("stomp_heartbeat"); ok {
		c.drop(beatAt, "stomp_heartbeat: 10 seconds; heartbeat= in the address sets another")
	}
	if !ok {
		return
	}
	first, _, several := strings.Cut(strings.TrimPrefix(brokers, "stomp://"), ",")
	host, port, err := net.SplitHostPort(strings.TrimSpace(first))
	if err != nil || !regexp.MustCompile(`^[A-Za-z0-9._-]+$`).MatchString(host) || !regexp.MustCompile(`^[0-9]{1,5}$`).MatchString(port) {
		c.dropped(at, "stomp_uri is not of the form HOST:PORT; write the [[source]] by hand, see docs/bridges.md")
		return
	}
	if several {
		c.dropped(at, "stomp_uri: a source has one address; the brokers behind the first were left out. Give them one name in the DNS")
	}
	s := c.out.add("[[source]]")
	s.set("name", `"stomp"`, pyconf.Position{})
	scheme := "stomp"
	if hasTLS {
		scheme = "stomp+tls"
	}
	s.set("from", quote(scheme+"://"+host+":"+port+"/?"+query("destination", queue)), at)
	s.set("topics", `["#"]`, queueAt)
	if hasUser || hasPassword {
		s.set("credentials", quote(stompSecret), userAt)
		c.warn(passwordAt, "stomp_user and stomp_pass: write USER:PASSWORD into %s, with mode 0600; a configuration has no secrets", stompSecret)
	}
	if hasTLS {
		s.set("certificate", quote(certificate), certificateAt)
		s.set("key", quote(key), keyAt)
	}
	switch {
	case !hasQueue:
		s.off = true
		c.warn(at, "the [[source]] for STOMP is commented out: it needs a destination, and there is no stomp_queue")
	case !hasTLS && !isLoopback(host):
		s.off = true
		c.warn(at, "the [[source]] for STOMP is commented out: everybody on the way to %s reads along. Use stomp+tls://, or allow it with &insecure_plain_stomp=yes", host)
	case hasTLS && (!path.IsAbs(certificate) || !path.IsAbs(key)):
		s.off = true
		c.warn(certificateAt, "the [[source]] for STOMP is commented out: stomp_ssl_crt and stomp_ssl_key have to be absolute paths")
	}
	c.warn(at, "the [[source]] for STOMP takes only what is signed by somebody the node trusts; verify = \"if-signed\" in it takes all. Narrow its topics")
}
