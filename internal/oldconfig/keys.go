package oldconfig

import (
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/ops"
	"github.com/federated-messaging/fedmsg/internal/pyconf"
)

// successors says of keys that have none what does their work now. A key that ends with * stands for all that begin so.
func successors() map[string]string {
	const log = "the node keeps a log, and each reader its place in it"
	const monitoring = "the node tells by itself: /healthz and /metrics"
	const program = "any program is a consumer: `fedmsg trigger`, a [[sink]] with command, or package client"
	const zeromq = "the node's own ZeroMQ does not need it"
	return map[string]string{
		"topic_prefix_re":    "patterns have * and #, so no expression is derived from the prefix",
		"active":             "programs hand messages to the node of their host, over its socket; they neither bind nor connect",
		"name":               "a sender is known by its user, token or certificate, not by a name that it gives",
		"cert_prefix":        "the certificate is named by --certificate where a program signs",
		"mute":               "a program that shall not publish does not",
		"persistent_store":   log + ", which answers what was missed; zeromq.replay for old programs",
		"io_threads":         zeromq,
		"post_init_sleep":    "nothing is slept: publishing ends when the message is on disk",
		"timeout":            "it was never used; `fedmsg publish --timeout` is how long a publisher waits",
		"print_config":       "`fedmsg config show`",
		"high_water_mark":    log + ": nothing is dropped for a slow one",
		"zmq_linger":         "publishing ends when the message is on disk, so nothing lingers",
		"zmq_strict":         "topics are matched as patterns, whole words at a time",
		"zmq_tcp_keepalive*": "the node asks silent peers itself: zeromq.heartbeat",
		"zmq_reconnect_ivl*": "the node chooses its own times to try again",
		"publish_endpoint":   "it was never used",
		"fedmsg.consumers.gateway.high_water_mark": log + ": nothing is dropped for a slow one",
		"fedmsg.consumers.gateway.enabled":         "a socket in zeromq.publish with topics= is the gateway, or `fedmsg gateway` on another machine",
		"fedmsg.consumers.relay.enabled":           "the node is the relay; its way in is zeromq.relay_in",
		"fedmsg.consumers.dummy.enabled":           "it did nothing",
		"fedmsg.consumers.ircbot.enabled":          "the node has no IRC; `fedmsg tail --format terse` prints a line for each message, which any bot can say",
		"fedmsg.commands.collectd.enabled":         monitoring,
		"irc*":                                     "the node has no IRC; `fedmsg tail --format terse` prints a line for each message, which any bot can say",
		"ca_cert_cache*":                           "files are read where they are, and again when they change",
		"crl_cache*":                               "files are read where they are, and again when they change",
		"gpg_signing_key":                          "nothing signs in the old OpenPGP form any more",
		"gpg_keys":                                 "nothing signs in the old OpenPGP form any more",
		"gpg_home":                                 "OpenPGP keys that count are those of a keyring of [[trust]]",
		"status_directory":                         log + ", so whoever was away reads on",
		"datagrepper_url":                          "the node keeps the history itself and answers as datagrepper did, see docs/datagrepper.md",
		"skip_last_message":                        log + ", so whoever was away reads on",
		"stomp_*":                                  "a broker is a [[source]] or [[sink]], see docs/bridges.md",
		"moksha.monitoring.*":                      monitoring,
		"moksha.livesocket.*":                      "browsers read the stream of the node over HTTP, see docs/http.md",
		"moksha.*":                                 "there is no hub; " + program,
		"fedmsg.consumers.*":                       program,
		"datanommer.*":                             "the node keeps the history itself: store in [archive], see docs/archive.md",
		"ssldir":                                   "certificates are named one by one, with their paths",
		"validate_signatures":                      "the node always verifies; whose signatures count stands in [[trust]], who may hand messages in in [[publisher]]",
		"crypto_backend":                           "the node signs as sign says, and a [[trust]] says what kind of signature it is for",
		"crypto_validate_backends":                 "a [[trust]] says what kind of signature it is for",
		"sign_messages":                            "the node signs as sign says",
		"ca_cert_location":                         "an authority is the ca of a [[trust]]",
		"crl_location":                             "a revocation list is the crl of a [[trust]]",
		"certnames":                                "programs that sign give their certificate by --certificate of `fedmsg publish`; the node has signing.x509_certificate",
		"routing_policy":                           "it is [policy.topics], where it lists anything",
		"routing_nitpicky":                         "it is false in [policy] too unless it is set",
		"endpoints":                                "publishers are the subscribe of [zeromq], where there are any",
		"srv_endpoints":                            "domains are the subscribe of [zeromq], where there are any",
		"relay_inbound":                            "it is the relay_in of [zeromq] on the machine of the relay",
		"replay_endpoints":                         "they are the replay= of publishers in [zeromq]",
		"logging":                                  "there are lines on standard error, which journald keeps; the level is log_level",
		"fedmsg.consumers.gateway.port":            "it is a socket in the publish of [zeromq]",
	}
}

// rest notes each key that stands nowhere yet.
func (c *conversion) rest() {
	text := c.out.String()
	lines := map[pyconf.Position]int{}
	for _, key := range c.old.Config.Keys {
		lines[c.old.at(key)]++
	}
	for _, key := range c.old.Config.Keys {
		at := c.old.at(key)
		named := slices.ContainsFunc(c.without, func(w item) bool { return strings.HasPrefix(w.value, key) })
		if c.done[key] && (named || c.placed[key] || lines[at] == 1 && strings.Contains(text, origin(at)+"\n")) {
			continue // with two on one line nobody can tell which of them the result names
		}
		if reason, ok := successor(key); ok {
			c.drop(at, "%s: %s", key, reason)
			continue
		}
		c.drop(at, "%s: not a key of the bus; it is of a program of yours, which has to keep it elsewhere", key)
	}
}

// successor gives the sentence for a key, by its name or else by the longest beginning.
func successor(key string) (string, bool) {
	all := successors()
	if reason, ok := all[key]; ok {
		return reason, true
	}
	best := ""
	for name := range all {
		if start, isStart := strings.CutSuffix(name, "*"); isStart && strings.HasPrefix(key, start) && len(name) > len(best) {
			best = name
		}
	}
	return all[best], best != ""
}

// withoutSuccessor is the end of the file: what stands nowhere in it, in the order of the old files.
func (c *conversion) withoutSuccessor() string {
	if len(c.without) == 0 {
		return ""
	}
	order := map[string]int{}
	for i, f := range c.old.Files {
		order[f.Path] = i
	}
	slices.SortStableFunc(c.without, func(a, b item) int {
		if a.at.File != b.at.File {
			return order[a.at.File] - order[b.at.File]
		}
		return a.at.Line - b.at.Line
	})
	var b strings.Builder
	b.WriteString("\n# What has no place in this file, or only a part of it, and why:\n")
	for _, w := range c.without {
		b.WriteString("#\n# " + ops.Printable(place(w.at)) + "\n#   " + ops.Printable(w.value) + "\n")
	}
	return b.String()
}

func place(at pyconf.Position) string {
	if at.File == "" {
		return "the old default"
	}
	return at.String()
}
