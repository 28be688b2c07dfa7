package trust

import (
	"fmt"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// malformed is the finding on something that is not of a known form.
func malformed(format string, args ...any) finding {
	return finding{err: fedmsg.Errorf(fedmsg.CodeMalformedSignature, format, args...)}
}

func badSignature(signer, topic string) error {
	return fedmsg.Errorf(fedmsg.CodeBadSignature,
		"the signature on the message for %q is not one of %q over these bytes; the message was changed after it was signed, or another key signed it", clip(topic), clip(signer))
}

func unknownKey(id string) error {
	return fedmsg.Errorf(fedmsg.CodeUnknownSigner,
		"no trust root of this node knows the key %q; whoever runs the node can add the public key to [[trust]], and who has a certificate of the key can send it along", clip(id))
}

// refusal is the sentence to a decision. The sender sees it: it names roots, and no files.
func (n *snapshot) refusal(s *speaker, d decision, topic string, at time.Time) error {
	who, root, then := clip(s.signer), s.root.Name, at.UTC().Format(time.RFC3339)
	switch d.rule {
	case rootDates:
		return fedmsg.Errorf(fedmsg.CodeExpired,
			"%q was not trusted at %s: the root %q is valid %s; whoever runs the node can change not_before and not_after of its [[trust]]", who, then, root, s.root.dates())
	case certificateDates:
		_, text := fedmsg.Public(d.err)
		return fedmsg.Errorf(fedmsg.CodeOf(d.err), "%q cannot sign for %q as of %s: %s; it takes a certificate that is valid, or a clock that is set right", who, clip(topic), then, text)
	case freshList:
		return fedmsg.Errorf(fedmsg.CodeStaleCRL,
			"whether the certificate of %q was revoked cannot be told as of %s: the revocation list of the root %q should have been renewed at %s; its authority must issue a new one",
			who, then, root, s.root.list.crl.NextUpdate.UTC().Format(time.RFC3339))
	case notRevoked:
		_, text := fedmsg.Public(d.err)
		return fedmsg.Errorf(fedmsg.CodeOf(d.err), "%q may not sign for %q as of %s: %s; it takes a new key and certificate of the authority", who, clip(topic), then, text)
	case rootTopics:
		return fedmsg.Errorf(fedmsg.CodeWrongTopic, "%q may not speak for %q: the root %q has %s; whoever runs the node can add to them, or sign with a key that has the topic",
			who, clip(topic), root, s.root.topics())
	}
	if d.listed {
		return fedmsg.Errorf(fedmsg.CodeWrongTopic,
			"%q may not speak for %q: [policy.topics] of this node lists others for it; whoever runs the node can add %q there", who, clip(topic), clip(s.name))
	}
	return fedmsg.Errorf(fedmsg.CodeWrongTopic,
		"%q may not speak for %q: [policy] of this node is nitpicky and does not list the topic; whoever runs the node can add it to [policy.topics]", who, clip(topic))
}

// dates says when the root is valid.
func (r *Root) dates() string {
	var parts []string
	if !r.NotBefore.IsZero() {
		parts = append(parts, "from "+r.NotBefore.UTC().Format(time.RFC3339))
	}
	if !r.NotAfter.IsZero() {
		parts = append(parts, "until "+r.NotAfter.UTC().Format(time.RFC3339))
	}
	if parts == nil {
		return "always"
	}
	return strings.Join(parts, " ")
}

// topics is the key with its value, as it stands in the file.
func (r *Root) topics() string {
	const most = 8
	var list []string
	for i, p := range r.Topics {
		if i == most {
			list = append(list, "…")
			break
		}
		list = append(list, fmt.Sprintf("%q", clip(p.String())))
	}
	return "topics = [" + strings.Join(list, ", ") + "]"
}
