package oldconfig

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/pyconf"
)

// The names of endpoints that mean something by themselves.
const (
	relayOutbound = "relay_outbound"
	relayInbound  = "relay_inbound"
)

// address is one endpoint of the old bus.
type address struct {
	name string // of the service
	host string
	port string
	at   pyconf.Position
}

// parse reads tcp://HOST:PORT; there was nothing else.
func (c *conversion) parse(name, endpoint string, at pyconf.Position) (address, bool) {
	m := regexp.MustCompile(`^tcp://(\*|[A-Za-z0-9._-]+):([0-9]{1,5})$`).FindStringSubmatch(strings.TrimSpace(endpoint))
	if m == nil {
		c.dropped(at, "%s: %q is not of the form tcp://HOST:PORT, and was not taken over", name, endpoint)
		return address{}, false
	}
	if n, err := strconv.Atoi(m[2]); err != nil || n < 1 || n > 65535 {
		c.dropped(at, "%s: %q has a port that there is none of, and was not taken over", name, endpoint)
		return address{}, false
	}
	return address{name, m[1], m[2], at}, true
}

// addresses reads the endpoints of a service.
func (c *conversion) addresses(name string, v pyconf.Value, at pyconf.Position) []address {
	var out []address
	for _, endpoint := range c.texts(name, v, at) {
		if a, ok := c.parse(name, endpoint, at); ok {
			out = append(out, a)
		}
	}
	return out
}

// connect is the URI under which others reach the address. A star meant this machine.
func (a address) connect() string {
	host := a.host
	if host == "*" {
		host = "127.0.0.1"
	}
	return "tcp://" + host + ":" + a.port
}

// bind is the URI of a socket there: on loopback where the address is, else on all of the machine's.
func (a address) bind() string {
	if isLoopback(a.host) {
		return "tcp://127.0.0.1:" + a.port
	}
	return "tcp://*:" + a.port
}

// zeromq writes the sockets: those of relay and gateway, which the node is now, and whom it listens to.
func (c *conversion) zeromq() {
	if c.zeromqOff() {
		return
	}
	s := c.out.add("[zeromq]")
	endpoints := c.table("endpoints")
	if len(endpoints.Keys) == 0 {
		c.warn(c.old.at("endpoints"), "endpoints has no services: the node listens to no old publisher")
	}
	replays := c.replays()
	publish := c.published(endpoints, replays, s)
	s.list("publish", publish)
	s.list("relay_in", c.relayIn())
	var subscribe []item
	for _, name := range endpoints.Keys {
		if name == relayInbound {
			c.drop(c.within("endpoints", name), "endpoints %s: the relay's way in is the key relay_inbound, and was in no program's list of publishers", name)
			continue
		}
		for _, a := range c.addresses(name, endpoints.Values[name], c.within("endpoints", name)) {
			if uri, ok := c.subscription(a, replays[name]); ok {
				subscribe = append(subscribe, item{uri, a.at})
			}
		}
	}
	for _, domain := range c.domains() {
		subscribe = append(subscribe, item{"srv:" + domain.value, domain.at})
		c.way(domain.value, domain.at)
	}
	s.list("subscribe", subscribe)
	for _, name := range slices.Sorted(maps.Keys(replays)) {
		if _, known := endpoints.Values[name]; !known {
			c.dropped(replays[name].at, "replay_endpoints %s: endpoints has no service of that name, so nobody would be asked", name)
		}
	}
}

// zeromqOff reports whether the old bus used no ZeroMQ at all, and notes what was set for it all the same.
func (c *conversion) zeromqOff() bool {
	v, at, set := c.value("zmq_enabled")
	if !set {
		return false
	}
	if v == true || v == int64(1) {
		c.drop(at, "zmq_enabled: ZeroMQ is on unless its lists in [zeromq] are empty")
		return false
	}
	c.dropped(at, "zmq_enabled = False: no endpoints were taken over, and the node publishes over ZeroMQ only on this machine; publish = [] in [zeromq] is not at all")
	for _, key := range []string{"endpoints", "srv_endpoints", relayInbound, "replay_endpoints", "fedmsg.consumers.gateway.port"} {
		if _, at, set := c.value(key); set {
			c.drop(at, "%s: ZeroMQ was switched off by zmq_enabled", key)
		}
	}
	return true
}

// published gives the sockets that the node publishes on in place of relay and gateway.
func (c *conversion) published(endpoints *pyconf.Table, replays map[string]address, s *section) []item {
	var out []item
	for _, a := range c.addresses(relayOutbound, endpoints.Values[relayOutbound], c.within("endpoints", relayOutbound)) {
		switch {
		case !c.isHere(a.host):
			continue
		case len(out) > 0:
			c.drop(a.at, "endpoints relay_outbound %s: the relay took the first address that was free, and so does the node: who connects to all would hear it twice", a.connect())
		default:
			out = append(out, c.outward(a, "relay_outbound"))
			if r, ok := replays[relayOutbound]; ok && c.isHere(r.host) {
				s.list("replay", []item{{r.bind() + c.readers(r), r.at}})
				s.set("seq_id", quote(relayOutbound), r.at)
			}
		}
		c.ports[a.port] = true
	}
	if v, at, ok := c.value("fedmsg.consumers.gateway.port"); ok {
		if a, ok := c.parse("fedmsg.consumers.gateway.port", fmt.Sprintf("tcp://*:%v", v), at); ok && !c.ports[a.port] {
			out = append(out, c.outward(a, "fedmsg.consumers.gateway.port"))
			c.ports[a.port] = true
		}
	}
	if len(out) > 0 && !c.ports["9940"] {
		out = append([]item{{value: "tcp://127.0.0.1:9940"}}, out...) // the node's own, which the list replaces
	}
	return out
}

// outward is one socket that old subscribers connect to.
func (c *conversion) outward(a address, key string) item {
	uri := a.bind() + "?format=fedmsg1"
	if !isLoopback(a.host) {
		uri += "&" + query("topics", c.scope)
		c.warn(a.at, "%s: whoever reaches port %s reads all of %s there, as on the old bus; say in topics= what they may read", key, a.port, c.scope)
	}
	return item{uri, a.at}
}

// readers is the query of a replay socket that others reach.
func (c *conversion) readers(a address) string {
	if isLoopback(a.host) {
		return ""
	}
	return "?" + query("topics", c.scope)
}

// relayIn gives the sockets of the relay that old publishers send to.
func (c *conversion) relayIn() []item {
	v, at, ok := c.value(relayInbound)
	if !ok {
		return nil
	}
	var out []item
	for _, a := range c.addresses(relayInbound, v, at) {
		if !c.isHere(a.host) {
			c.dropped(a.at, "relay_inbound %s: the relay is another machine. Programs here go on sending there; set node = \"https://…\" when a node runs there", a.connect())
			continue
		}
		uri := "tcp://" + a.host + ":" + a.port
		out = append(out, item{uri + "?" + query("sender", relayInbound), a.at})
		c.way(relayInbound, a.at)
		if !isLoopback(a.host) {
			c.warn(a.at, "relay_inbound: whoever reaches port %s may send as this site, as on the old bus; bind it to 127.0.0.1 or close the port in the firewall", a.port)
		}
	}
	return out
}

// subscription is the URI under which the node listens to a publisher.
func (c *conversion) subscription(a address, replay address) (string, bool) {
	if c.isHere(a.host) && c.ports[a.port] {
		if a.name != relayOutbound {
			c.drop(a.at, "endpoints %s %s: the node itself publishes on that port", a.name, a.connect())
		}
		return "", false
	}
	if a.name == relayOutbound {
		c.warn(a.at, "relay_outbound %s is another machine, to which the node listens; if it is this one, put tcp://*:%s?format=fedmsg1&topics=… into publish instead", a.connect(), a.port)
	}
	c.way(a.name, a.at)
	uri := a.connect() + "?" + query("name", a.name)
	if replay.port != "" {
		uri += "&" + query("replay", replay.connect())
	}
	return uri, true
}

// replays gives the replay sockets by the names of services.
func (c *conversion) replays() map[string]address {
	out := map[string]address{}
	t := c.table("replay_endpoints")
	for _, name := range t.Keys {
		for _, a := range c.addresses("replay_endpoints "+name, t.Values[name], c.within("replay_endpoints", name)) {
			if _, known := out[name]; !known {
				out[name] = a
			}
		}
	}
	return out
}

// domains gives the domains in which publishers are found by DNS.
func (c *conversion) domains() []item {
	v, at, ok := c.value("srv_endpoints")
	if !ok {
		return nil
	}
	var out []item
	for _, domain := range c.texts("srv_endpoints", v, at) {
		if !regexp.MustCompile(`^[A-Za-z0-9._-]+$`).MatchString(domain) {
			c.dropped(at, "srv_endpoints: %q is no domain, and was not taken over", domain)
			continue
		}
		out = append(out, item{domain, at})
	}
	return out
}

// way takes note of a name under which messages come in.
func (c *conversion) way(name string, at pyconf.Position) {
	for _, w := range c.ways {
		if w.value == name {
			return
		}
	}
	c.ways = append(c.ways, item{name, at})
}
