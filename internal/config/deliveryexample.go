package config

// deliveryMeaning is meaning for sinks and sources.
func deliveryMeaning(key string) string {
	switch key {
	case "sink.name":
		return "How the sink is called in commands, metrics and files: letters, digits, - and _."
	case "sink.to":
		return "Where it delivers: amqp:// or amqps://, stomp:// or stomp+tls://, nats:// or nats+tls://, or another node by https://,\nhttp:// or unix://; docs/bridges.md has the options of each."
	case "sink.command":
		return "Or the program that each message starts, and its arguments; never through a shell."
	case "sink.topics":
		return "What it may have, as patterns; [\"#\"] is everything. It never gets another topic."
	case "sink.prefixes":
		return "Of these only topics that begin with one of these, letter by letter."
	case "sink.senders":
		return "And only what came from one of these senders, as in uid:1000 or source:NAME."
	case "sink.signers":
		return "And only what one of these signed, ROOT or ROOT/NAME."
	case "sink.where":
		return "And only what this expression is true of, as in msg.order > 10."
	case "sink.start":
		return "Where it begins when it is new: now, beginning or a POSITION. Empty: now."
	case "sink.max_age":
		return "Skip what was received longer ago, as after an outage; 0s skips nothing, which is right for every bridge."
	case "sink.hold":
		return "Retention keeps what it has not taken. A destination that stays away then fills the disk."
	case "sink.in_flight":
		return "Most messages sent and not yet acknowledged; 1 keeps the order whatever is refused. 0 leaves it to the kind."
	case "sink.attempts":
		return "After so many a message that is itself at fault goes to the dead letters. 0 means 10."
	case "sink.retry_first":
		return "The first wait before another attempt. 0s means 100ms."
	case "sink.retry_max":
		return "And the longest. 0s means 30s."
	case "sink.answer_timeout":
		return "Silence about what was sent, after which it connects again. 0s means 30s."
	case "sink.idle_timeout":
		return "Without a message for so long the connection is closed until the next. 0s leaves it to the kind."
	case "sink.dead_letters":
		return "With so many dead letters the sink stops until somebody has looked at them. 0 means 10000."
	case "source.name":
		return "How the source is called; what it brings has the sender source:NAME. Letters, digits, - and _."
	case "source.from":
		return "From where it brings messages: as to of a [[sink]], with options of its own, see docs/bridges.md; or where it takes\nmails: lmtp+unix://, lmtp://, smtp:// or maildir://, see docs/debian.md; or a table that it polls:\npoll+https://, poll+http://, poll+exec:, poll+postgres:// or poll+sqlite://, see docs/poll.md."
	case "source.topics":
		return "What it may bring, as patterns; [\"#\"] is everything. The rest is refused."
	case "source.verify":
		return "What is asked of signatures: require, if-signed or insecure-off. Empty: as the key verify says."
	case "source.sign":
		return "The node signs what nobody signed, on topics that it signs; without it what is unsigned stays unsigned, which\nverify = \"require\" refuses. Only for a source on which none but your own programs can send."
	case "source.in_flight":
		return "Most messages taken and not yet on disk. 0 leaves it to the kind."
	case "source.retry_first":
		return "The first wait before it connects again. 0s means 100ms."
	case "source.retry_max":
		return "And the longest. 0s means 30s."
	case "source.dead_letters":
		return "With so many dead letters the source stops until somebody has looked at them. 0 means 10000."
	}
	if meaning := pollMeaning(key); meaning != "" {
		return meaning
	}
	return remoteMeaning(key)
}

// remoteMeaning is meaning for the files that sinks and sources both have.
func remoteMeaning(key string) string {
	table, word := split(key)
	if table != "sink" && table != "source" {
		return ""
	}
	switch word {
	case "credentials":
		return "A file of mode 0600 with USER:PASSWORD, or a token, in its first line."
	case "ca":
		return "PEM file of the authorities of the other side. Empty: those of the system."
	case "certificate":
		return "PEM file of the certificate that the node shows to the other side."
	case "key":
		return "PEM file of its private key, mode 0600."
	}
	return ""
}
