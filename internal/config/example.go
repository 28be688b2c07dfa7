package config

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// meaning says in one sentence what a key means, for people; lines end where the example's do. Every key has one.
func meaning(key string) string {
	switch key {
	case "topic_prefix":
		return "What every topic of this organisation begins with, a domain name read backwards."
	case "environment":
		return "dev, stg, prod or production: the second part of topics. In dev whoever reaches a loopback\nlistener may publish without a token."
	case "state":
		return "Directory of the log, the node's keys, the tokens and the readers' saved positions; mode 0700."
	case "verify":
		return "What is asked of the signatures of messages: require (each is signed by somebody who may speak for its topic,\nthe node itself included), if-signed, or insecure-off. An endpoint can say it for itself, by verify= in its URI."
	case "sign":
		return "How the node signs what an authenticated sender hands in unsigned: dsse, and before it x509 (the old form).\nEmpty: not at all."
	case "redact_from":
		return "Verified signers, beside the node itself, whose redactions erase messages here: ROOT/NAME is one, ROOT all of a\n[[trust]]. Empty: nobody else."
	case "trust_file":
		return "A file with [[trust]] and [policy] beside those that stand here; read again when it changes. Empty: none."
	case "node":
		return "URI of the node that publish, tail and hook use. Empty: the one of this machine."
	case "log_level":
		return "The least level that is logged: debug, info, warn or error."
	case "http.listen":
		return "TCP endpoints, http://HOST:PORT or https://HOST:PORT?cert=FILE&key=FILE; in the query also\nclient_ca=FILE, topics=PATTERN,… (what readers without a token may read), verify=MODE, replaying=allow (publishers may\nsend signed messages over verification.max_age, as from a spool), fd=NAME (socket activation)."
	case "http.socket":
		return "Local socket, where the kernel says who the sender is: unix:///PATH?mode=0660&group=NAME&topics=PATTERN,…\n&verify=MODE. Publishers may send what waited in a spool, however old. Empty: none."
	case "http.allowed_hosts":
		return "Names of this node, beside localhost and IP addresses, that requests may be made to."
	case "http.allowed_origins":
		return "Web origins, as in https://apps.example.org, whose pages may read. They may never publish."
	case "http.insecure_plain_http":
		return "Take bearer tokens over plain HTTP from other machines, where anybody can read them."
	case "http.access_log":
		return "Log each request when it has ended: method, path, status, time, sender, address."
	case "http.max_connections":
		return "Most open connections of all listeners together."
	case "http.max_connections_per_address":
		return "Most connections of one remote address; loopback and the local socket do not count."
	case "http.max_header_bytes":
		return "Most bytes of the request line and headers."
	case "http.max_body_bytes":
		return "Most bytes of a request's body, or of one line of NDJSON."
	case "http.publish_queue":
		return "Most batches of one streaming publisher whose receipts wait to be read."
	case "http.max_questions":
		return "Most questions that the archive answers at the same time; others wait for their turn, within their time."
	case "http.max_exports":
		return "Most exports of the archive at the same time."
	case "http.header_timeout":
		return "How long a client may take to send the headers of a request."
	case "http.body_timeout":
		return "How long it may then take to send the body."
	case "http.write_timeout":
		return "How long an answer may wait for the client to read it."
	case "http.accept_timeout":
		return "How long a request, or a batch of a streaming publisher, may wait to be on disk; then its fate is unknown."
	case "http.idle_timeout":
		return "How long a connection may stay open between requests."
	case "http.publish_idle_timeout":
		return "How long a streaming publisher may send nothing."
	}
	return moreMeaning(key)
}

// zeromqMeaning is meaning for what is in zeromq.
func zeromqMeaning(key string) string {
	switch key {
	case "zeromq.publish":
		return "ZeroMQ sockets on which everything is published, tcp://HOST:PORT or ipc:///PATH; in the query format=fedmsg1\n(deployed subscribers), fedpub1 or fedmsg2 (the default), topics=PATTERN,… (what may be read there: # on this machine,\nelsewhere nothing unless given), curve=yes (only for each [[zeromq_client]]), for ipc mode=0660 and group=NAME."
	case "zeromq.submit":
		return "Sockets that take submissions (FSUBMIT1) and answer when they are on disk; in the query verify=MODE, curve=yes,\nfor ipc mode=0660 and group=NAME. Not set: one beside http.socket."
	case "zeromq.relay_in":
		return "Sockets that old publishers connect to, as in tcp://127.0.0.1:2003; in the query verify=MODE, curve=yes and\nsender=NAME (whom zeromq = NAME of a [[publisher]] means), for ipc mode=0660 and group=NAME."
	case "zeromq.subscribe":
		return "What the node listens to: file:///PATH (one publisher a line), srv:DOMAIN (from DNS), tcp://HOST:PORT or ipc:///PATH;\nin the query verify=MODE, topics=BEGINNING,… and of one publisher name=NAME, replay=URI, server_key=KEY, escaped."
	case "zeromq.replay":
		return "Sockets that answer the old replay protocol; in the query format=fedmsg1 (default: envelopes alone) or fedmsg2 (with detached\nsignatures, in DSSE), topics=PATTERN,…, curve=yes, for ipc mode=0660 and group=NAME."
	case "zeromq.seq_id":
		return "Under which name the node numbers what it signs, for replay clients, as in NAME.HOST. Empty: no numbers."
	case "zeromq.resolver":
		return "HOST:PORT of the name server that srv: asks. Empty: that of the system."
	case "zeromq.max_peers":
		return "Most connections of one ZeroMQ socket."
	case "zeromq.max_handshakes":
		return "Most of them that have not yet said who they are; the oldest gives way."
	case "zeromq.max_subscriptions":
		return "Most subscriptions of one subscriber."
	case "zeromq.max_requests":
		return "Most submissions of one socket that wait to be on disk; further ones wait to be read."
	case "zeromq.chunk_bytes":
		return "Memory for recent messages in the form of one socket. Subscribers further behind read the log."
	case "zeromq.handshake_timeout":
		return "How long a peer may take to say who it is."
	case "zeromq.write_timeout":
		return "A subscriber that takes nothing for so long is cut off."
	case "zeromq.accept_timeout":
		return "How long a submission may wait to be on disk; then its fate is unknown."
	case "zeromq.heartbeat":
		return "Silence after which a peer is asked whether it is there."
	case "zeromq.replay_messages":
		return "Most messages of one answer of replay."
	}
	return ""
}

// moreMeaning is meaning for what is not the root's or http's.
func moreMeaning(key string) string {
	if strings.HasPrefix(key, "zeromq.") {
		return zeromqMeaning(key)
	}
	switch key {
	case "http.stream.max":
		return "Most live streams at once."
	case "http.stream.heartbeat":
		return "Silence after which a reader is told its position."
	case "http.stream.passed_over":
		return "Entries a reader did not ask for after which it is told its position."
	case "http.stream.write_timeout":
		return "A reader that takes nothing for so long is cut; it can resume."
	case "http.stream.buffer_bytes":
		return "Memory for readers that catch up, all together."
	case "log.segment_bytes":
		return "Size of one segment file. Retention removes whole segments."
	case "log.max_bytes":
		return "Oldest entries go when the log is larger; 0 keeps everything."
	case "log.max_age":
		return "Entries go when they are older; 0s keeps everything."
	case "log.queue_bytes":
		return "Most bytes that are accepted and not yet on disk; publishers wait beyond."
	case "archive.store":
		return "Where all messages are kept to be searched: sqlite (a file in the state directory), none, or a database as postgres://USER@HOST/NAME."
	case "archive.password_file":
		return "File of the password of the database's user, mode 0600."
	case "feed.ring_bytes":
		return "Memory for recent entries. Readers further behind read the disk."
	case "limits.body":
		return "Most bytes of a message's body."
	case "limits.envelope":
		return "Most bytes of a whole envelope."
	case "limits.depth":
		return "Deepest nesting of JSON."
	case "limits.topic_bytes":
		return "Most bytes of a topic."
	case "limits.topic_words":
		return "Most words of a topic."
	case "limits.headers":
		return "Most headers of a message."
	case "limits.header_bytes":
		return "Most bytes of one header, name and value."
	case "limits.id_bytes":
		return "Most bytes of an id."
	case "limits.name_bytes":
		return "Most bytes of a username."
	case "spool.directory":
		return "Where publishers leave messages while no node answers, and the node fetches them. Empty: nowhere. Not set: the machine's or\nelse the user's; spool in state for a node beside the user's usual one."
	case "spool.interval":
		return "How often the node looks there."
	}
	return trustMeaning(key)
}

// trustMeaning is meaning for the tables about signatures.
func trustMeaning(key string) string {
	switch key {
	case "verification.max_age":
		return "A signed message that is older is refused where messages come in live; those that waited in a spool may be older."
	case "verification.max_future":
		return "How far the clock of a signer may be ahead of the node's."
	case "verification.on_stale_crl":
		return "refuse or accept: what becomes of messages by certificates while the revocation list is out of date."
	case "verification.stale_crl_grace":
		return "How long after its next update was due a revocation list still counts."
	case "signing.name":
		return "As whom the node signs, which readers see as the signer. Empty: the name of the host."
	case "signing.topics":
		return "What the node signs and is trusted for, as patterns. Empty: all below topic_prefix and environment."
	case "signing.key":
		return "PEM file of the node's private key, mode 0600. Empty: the newest in STATE/keys, made at the first start."
	case "signing.certificate":
		return "PEM file of a certificate of that key, sent along with signatures. Empty: none."
	case "signing.x509_key":
		return "PEM file of the RSA key for sign = [\"x509\", …], mode 0600."
	case "signing.x509_certificate":
		return "PEM file of the certificate of that key."
	case "policy.nitpicky":
		return "A certificate may sign only topics that stand in [policy.topics]."
	case "policy.topics":
		return "For a topic, in quotes, the names of the certificates that may sign it."
	}
	return listMeaning(key)
}

// listMeaning is meaning for what stands in lists of tables.
func listMeaning(key string) string {
	switch key {
	case "trust.name":
		return "The name of the root, which begins the name of each signer."
	case "trust.ca":
		return "PEM file of certificate authorities: whom they certified is ROOT/NAME."
	case "trust.crl":
		return "PEM or DER file of their revocation list."
	case "trust.keyring":
		return "Or a file of OpenPGP public keys, for the old form; needs legacy."
	case "trust.keys":
		return "Or PEM files of public keys."
	case "trust.topics":
		return "What those may speak for, as patterns; nothing when empty."
	case "trust.legacy":
		return "Take certificates signed with SHA-1, short RSA keys and the old OpenPGP form."
	case "trust.not_before":
		return "It is trusted for messages received from then on: a date, or a time as in 2026-01-31T12:00:00Z."
	case "trust.not_after":
		return "And until then."
	case "publisher.uid":
		return "A user, by number or name."
	case "publisher.group":
		return "Or the members of a group."
	case "publisher.token":
		return "Or the bearer of a token, by the token's name."
	case "publisher.certificate":
		return "Or the holder of a TLS client certificate, by the name in it."
	case "publisher.curve":
		return "Or the holder of a CURVE key, by the name of its [[zeromq_client]]."
	case "publisher.zeromq":
		return "Or whatever comes by the ZeroMQ socket or service of this name: the name says on which way it came, not from whom."
	case "publisher.signer":
		return "Or the verified signer of the message."
	case "publisher.topics":
		return "The topics that it may publish on, as patterns: * is one word, # any number of words."
	case "zeromq_client.name":
		return "How the client is called, in the log and by curve = NAME of a [[publisher]]."
	case "zeromq_client.key":
		return "Its public CURVE key in Z85, 40 characters."
	case "zeromq_client.topics":
		return "What it may read at sockets with curve=yes, as patterns; nothing when empty."
	}
	return deliveryMeaning(key)
}

// WriteExample writes a configuration file in which every key stands with its meaning and default, commented out.
func WriteExample(w io.Writer) error {
	c := Default(System{Getenv: func(string) string { return "" }, Exists: func(string) bool { return true }})
	var b strings.Builder
	b.WriteString("# Configuration of fedmsg. Every key is optional; those below show the defaults of a node that runs as root.\n" +
		"# The environment wins over this file: FEDMSG_HTTP_LISTEN sets listen in [http], lists are separated by commas.\n" +
		"# Times are written 30s, 1h30m, 30d, and sizes 512, 64KiB, 10GiB. `fedmsg config check` says what is wrong.\n")
	example(&b, newSection("", reflect.ValueOf(&c).Elem()), false)
	_, err := io.WriteString(w, b.String())
	return err
}

// lists says what a list of tables is.
func lists(name string) string {
	switch name {
	case "publisher":
		return "Who may publish, beside root, the group fedmsg and the node's own user."
	case "trust":
		return "Whose signatures count, beside the node's own."
	case "zeromq_client":
		return "Programs that prove themselves by a CURVE key at ZeroMQ sockets with curve=yes."
	case "sink":
		return "Where the node delivers what it stores: brokers, other nodes, programs."
	case "source":
		return "From where the node brings messages of other buses and nodes."
	case "source.poll":
		return "Of the [[source]] above, where that is a table: what is asked, and what becomes of its rows; see docs/poll.md."
	}
	return ""
}

// example writes a table and what is below it. A table within a list is none until somebody begins an element.
func example(b *strings.Builder, s *section, within bool) {
	isList := s.list
	switch shape := s.shape(); {
	case s.open:
		fmt.Fprintf(b, "%s\n# %s\n#\"org.example.prod.wiki.page.edit\" = [\"wiki01.example.org\"]\n", header(s.name), meaning(s.name))
	case s.list:
		b.WriteString("\n# " + lists(s.name) + " One table for each.\n#" + strings.TrimPrefix(header(s.name+"[0]"), "\n"))
		s = shape
	case within:
		b.WriteString("\n# " + lists(s.name) + "\n#" + strings.TrimPrefix(header(s.name), "\n"))
	case s.name != "":
		b.WriteString(header(s.name))
	}
	for _, k := range s.keys {
		_, word := split(k.name)
		fmt.Fprintf(b, "\n# %s\n#%s = %s\n", strings.ReplaceAll(meaning(k.name), "\n", "\n# "), word, tomlValue(k.plainValue()))
	}
	for _, t := range s.tables {
		example(b, t, within || isList)
	}
}
