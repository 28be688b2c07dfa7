package oldconfig

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/pyconf"
)

// The names of the roots for what the old bus signed, and where their files go that were on the web or in a keyring's directory.
const (
	rootX509   = "old-bus"
	rootGPG    = "old-bus-gpg"
	fetchedCA  = "/etc/fedmsg/old-bus-ca.crt"
	fetchedCRL = "/etc/fedmsg/old-bus-crl.pem"
	exported   = "/etc/fedmsg/old-bus.gpg"
)

// signing says how the node signs: always in the new form, and in the old one too where the old bus signed.
func (c *conversion) signing() {
	s := c.out.add("[signing]")
	if c.scope != c.own {
		s.set("topics", "["+quote(c.own)+", "+quote(c.scope)+"]", c.old.at("environment"))
	}
	signs, at := c.truth("sign_messages")
	backend, backendAt, _ := c.text("crypto_backend")
	dir, _, ok := c.text("ssldir")
	if !ok {
		dir = "/etc/pki/fedmsg"
	}
	names := c.table("certnames")
	switch {
	case !signs:
		if _, set := c.old.Config.Values["sign_messages"]; set {
			c.drop(at, "sign_messages = False: the node signs in the new form what nobody signed, which old programs do not look at")
		}
		return
	case backend == "gpg":
		c.dropped(backendAt, "crypto_backend = gpg: the node signs with certificates (x509) for old programs, and in the new form; nothing signs in the old OpenPGP form any more")
		return
	}
	name, where := c.certificate(names)
	if name == "" {
		c.dropped(at, "sign_messages: certnames names no certificate for the relay, so the node signs in the new form only, which old programs that validate refuse; set sign = [\"x509\", \"dsse\"] with signing.x509_key and signing.x509_certificate")
		return
	}
	key, certificate := path.Join(dir, name+".key"), path.Join(dir, name+".crt")
	off := "#"
	if path.IsAbs(dir) && c.usable(certificate) && c.private(key) {
		off = ""
	}
	c.top.set(off+"sign", `["x509", "dsse"]`, at)
	s.set(off+"x509_key", quote(key), where)
	s.set(off+"x509_certificate", quote(certificate), where)
	if off == "" {
		return
	}
	c.warn(at, "sign_messages: %s and %s have to be there, the key with mode 0600 and of the node's user; then take the # away before sign and [signing]. Until then old programs that validate refuse what the node signs", key, certificate)
}

// certificate chooses the certificate of the node: that of the signing relay, else of the relay or the shell.
func (c *conversion) certificate(names *pyconf.Table) (string, pyconf.Position) {
	wanted := []string{"signing_relay", relayInbound}
	for _, host := range c.machine.Names {
		for _, service := range []string{"relay", "fedmsg", "shell"} {
			wanted = append(wanted, service+"."+host)
		}
	}
	for _, key := range wanted {
		if name, ok := names.Values[key].(string); ok && name != "" {
			return name, c.within("certnames", key)
		}
	}
	return "", pyconf.Position{}
}

// private reports whether a private key is there and can only be read by its owner.
func (c *conversion) private(key string) bool {
	if !c.usable(key) {
		return false
	}
	mode, err := c.machine.Stat(key)
	return err == nil && mode.Perm()&0o077 == 0
}

// trust writes whose signatures count.
func (c *conversion) trust() {
	validates, at := c.truth("validate_signatures")
	backends, backendsAt, _ := c.value("crypto_validate_backends")
	kinds := c.texts("crypto_validate_backends", backends, backendsAt)
	if backend, _, ok := c.text("crypto_backend"); ok && len(kinds) == 0 {
		kinds = []string{backend}
	}
	if len(kinds) == 0 || slices.Contains(kinds, "x509") {
		c.trustX509(validates)
	} else {
		c.value("ca_cert_location")
		c.value("crl_location")
	}
	if slices.Contains(kinds, "gpg") {
		c.trustGPG()
	}
	if _, set := c.old.Config.Values["validate_signatures"]; set && !validates {
		c.dropped(at, "validate_signatures = False: the node always verifies what is signed. What old programs do not sign it signs itself, on the ways that a [[publisher]] names")
	}
}

// location reads where a certificate or list was: a file, or a place on the web, which a node never fetches.
func (c *conversion) location(key, web, file string) (path, fetch string, at pyconf.Position) {
	where, at, ok := c.text(key)
	if !ok {
		if _, set := c.old.Config.Values[key]; set {
			return "", "", at // None, or empty
		}
		where, at = web, c.old.at("validate_signatures") // the old default
	}
	if strings.HasPrefix(where, "https://") {
		return file, where, at
	}
	return where, "", at
}

// trustX509 writes the root for certificates.
func (c *conversion) trustX509(validates bool) {
	if _, set := c.old.Config.Values["ca_cert_location"]; !set && !validates {
		c.value("crl_location")
		return
	}
	ca, caFrom, at := c.location("ca_cert_location", "https://fedoraproject.org/fedmsg/ca.crt", fetchedCA)
	crl, crlFrom, crlAt := c.location("crl_location", "https://fedoraproject.org/fedmsg/crl.pem", fetchedCRL)
	if ca == "" {
		return
	}
	s := c.out.add("[[trust]]")
	if caFrom != "" || crlFrom != "" {
		s.say("A node fetches nothing. Have cron fetch these, the list at least as often as it ends:")
		for _, f := range [][2]string{{caFrom, ca}, {crlFrom, crl}} {
			if f[0] != "" {
				s.say("  curl -fsS -o %s %s", shellWord(f[1]), shellWord(f[0]))
			}
		}
	}
	s.set("name", quote(rootX509), pyconf.Position{})
	s.set("ca", quote(ca), at)
	if crl != "" {
		s.set("crl", quote(crl), crlAt)
	} else {
		c.warn(at, "there is no revocation list: a certificate cannot be taken back; see crl of [[trust]]")
	}
	s.set("topics", list1(c.scope), pyconf.Position{})
	s.say("The old signatures are of SHA-1.")
	s.set("legacy", "true", pyconf.Position{})
	c.trusts = true
	for _, file := range []string{ca, crl} {
		if file != "" && (!path.IsAbs(file) || !c.usable(file)) {
			s.off, c.trusts = true, false
		}
	}
	if s.off {
		c.warn(at, "[[trust]] is commented out: %s to be there under an absolute path. Until then nothing that old programs signed is taken", needed(ca, crl))
	}
}

func needed(ca, crl string) string {
	if crl == "" {
		return ca + " has"
	}
	return ca + " and " + crl + " have"
}

// trustGPG writes the root for OpenPGP keys, which were in the directory of gpg.
func (c *conversion) trustGPG() {
	home, at, ok := c.text("gpg_home")
	if !ok {
		home, at = "~/.gnupg", c.old.at("crypto_validate_backends")
	}
	s := c.out.add("[[trust]]")
	s.say("The keys were in the directory of gpg. Export them:")
	s.say("  gpg --homedir %s --export > %s", shellWord(home), exported)
	s.set("name", quote(rootGPG), pyconf.Position{})
	s.set("keyring", quote(exported), at)
	s.set("topics", list1(c.scope), pyconf.Position{})
	s.set("legacy", "true", pyconf.Position{})
	if s.off = !c.usable(exported); s.off {
		c.warn(at, "the [[trust]] for OpenPGP is commented out: export the keys to %s. The old form covers the body alone, not topic, id and time", exported)
		return
	}
	c.rule("signer", rootGPG, pyconf.Position{})
}

// policy writes who may sign what.
func (c *conversion) policy() {
	if nitpicky, at := c.truth("routing_nitpicky"); nitpicky {
		c.out.add("[policy]").set("nitpicky", "true", at)
	}
	policy := c.table("routing_policy")
	s := c.out.add("[policy.topics]")
	for _, topic := range policy.Keys {
		at := c.within("routing_policy", topic)
		words := strings.Split(topic, ".")
		if topic == "" || slices.Contains(words, "*") || slices.Contains(words, "#") {
			c.dropped(at, "routing_policy %q: a topic here is exact, and was not taken over", topic)
			continue
		}
		names := c.texts("routing_policy "+topic, policy.Values[topic], at)
		quoted := make([]string, len(names))
		for i, name := range names {
			quoted[i] = quote(name)
		}
		s.set(quote(topic), "["+strings.Join(quoted, ", ")+"]", at)
	}
}

// rules writes who may hand in what: where the old bus validated, what a certificate signed that the root knows; else whatever comes
// on the old ways.
func (c *conversion) rules() {
	validates, at := c.truth("validate_signatures")
	if c.trusts {
		c.rule("signer", rootX509, pyconf.Position{})
	} else if validates {
		s := c.out.add("[[publisher]]")
		s.off = true
		s.set("signer", quote(rootX509), at)
		s.set("topics", list1(c.scope), pyconf.Position{})
	}
	_, relaySigns := c.table("certnames").Values["signing_relay"]
	for _, way := range c.ways {
		if !validates || way.value == relayInbound && relaySigns {
			c.rule("zeromq", way.value, way.at)
		}
	}
	if validates && len(c.ways) > 0 {
		c.warn(at, "validate_signatures: what old programs send unsigned is refused, as then. For a way whose senders you trust, add [[publisher]] with zeromq = NAME, and the node signs what comes there")
	} else if len(c.ways) > 0 {
		c.warn(c.ways[0].at, "nobody proves who they are on the old ways: whoever can send there has messages of %s signed by the node, as [[publisher]] says; narrow its topics", c.scope)
	}
}

// rule writes one [[publisher]].
func (c *conversion) rule(key, who string, at pyconf.Position) {
	s := c.out.add("[[publisher]]")
	s.set(key, quote(who), at)
	s.set("topics", list1(c.scope), pyconf.Position{})
}

// shellWord writes a word for a shell, in quotes where it needs them.
func shellWord(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-:~") == "" && s != "" {
		return s
	}
	return fmt.Sprintf("'%s'", strings.ReplaceAll(s, "'", `'\''`))
}
