package trust

import (
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg"
)

// allows reports whether the policy lets the name of a certificate, or a fingerprint, sign on a topic, and whether the topic
// is listed.
func (p *Policy) allows(topic, name string) (allowed, listed bool) {
	names, listed := p.Topics[topic]
	if !listed {
		return !p.Nitpicky, false
	}
	return slices.Contains(names, name), true
}

func (p *Policy) validate() (faults []error) {
	fault := func(format string, args ...any) {
		faults = append(faults, fedmsg.Errorf(fedmsg.CodeConfig, "policy.topics "+format, args...))
	}
	for _, topic := range sortedKeys(p.Topics) {
		if topic == "" {
			fault("has an empty topic")
		} else if words := strings.Split(topic, "."); slices.Contains(words, "*") || slices.Contains(words, "#") {
			fault("has %q; topics of the policy are exact, and patterns stand in topics of [[trust]]", clip(topic))
		}
		if slices.Contains(p.Topics[topic], "") {
			fault("has an empty name for %q; nobody is an empty list", clip(topic))
		}
	}
	return faults
}

// with gives the policy of two files together, and the topics that both list.
func (p Policy) with(q Policy) (both Policy, twice []string) {
	both = Policy{Nitpicky: p.Nitpicky || q.Nitpicky, Topics: make(map[string][]string, len(p.Topics)+len(q.Topics))}
	for topic, names := range p.Topics {
		both.Topics[topic] = names
	}
	for _, topic := range sortedKeys(q.Topics) {
		if _, listed := both.Topics[topic]; listed {
			twice = append(twice, topic)
		}
		both.Topics[topic] = q.Topics[topic]
	}
	return both, twice
}

func sortedKeys(m map[string][]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
