package ingest

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// rights is what one sender may do. It is immutable.
type rights struct {
	sender   string // from.String()
	topics   []fedmsg.Pattern
	username string // what stands as username in the envelopes made for it, where the sender gives none
	until    time.Time
}

// maxSenders bounds the senders whose rights are remembered.
const maxSenders = 4096

// rightsBook works out the rights of senders and remembers them for a while.
type rightsBook struct {
	c     *Config
	rules []Publisher

	mu   sync.RWMutex
	book map[fedmsg.Sender]*rights // guarded by mu; at most maxSenders
}

func newRightsBook(c *Config) *rightsBook {
	return &rightsBook{c: c, rules: c.rules(), book: make(map[fedmsg.Sender]*rights)}
}

// of gives the rights of a sender as they were at most Config.RightsFor before now.
func (b *rightsBook) of(from fedmsg.Sender, now time.Time) *rights {
	b.mu.RLock()
	r := b.book[from]
	b.mu.RUnlock()
	// Rights that seem to last longer than they can were remembered before the clock was set back.
	if r != nil && now.Before(r.until) && r.until.Sub(now) <= b.c.RightsFor {
		return r
	}
	r = b.evaluate(from)
	r.until = now.Add(b.c.RightsFor)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.book) >= maxSenders {
		clear(b.book) // rare, and cheap to fill again
	}
	b.book[from] = r
	return r
}

// evaluate applies the rules.
func (b *rightsBook) evaluate(from fedmsg.Sender) *rights {
	r := &rights{sender: from.String()}
	match := func(*Publisher) bool { return false }
	switch from.Kind {
	case fedmsg.SenderNode:
		r.topics = []fedmsg.Pattern{fedmsg.MatchAll()}
	case fedmsg.SenderLoopback:
		if b.c.Loopback {
			r.topics = []fedmsg.Pattern{fedmsg.MatchAll()}
		}
	case fedmsg.SenderSource:
		r.topics = b.c.Sources(from.Name)
	case fedmsg.SenderUID:
		a := b.c.Accounts(from.Name)
		r.username = a.Name
		match = func(p *Publisher) bool {
			return p.UID != "" && (p.UID == from.Name || p.UID == a.Name) || p.Group != "" && slices.Contains(a.Groups, p.Group)
		}
	case fedmsg.SenderToken:
		topics, ok := b.c.Tokens(from.Name)
		if !ok {
			break // revoked or expired since its secret was seen; rules about it give nothing any more
		}
		r.topics, r.username = slices.Clone(topics), from.Name
		match = func(p *Publisher) bool { return p.Token == from.Name }
	case fedmsg.SenderCertificate:
		match = func(p *Publisher) bool { return p.Certificate != "" && p.Certificate == from.Name }
	case fedmsg.SenderCurve:
		r.username = from.Name
		match = func(p *Publisher) bool { return p.Curve != "" && p.Curve == from.Name }
	case fedmsg.SenderZeroMQ:
		match = func(p *Publisher) bool { return p.ZeroMQ != "" && p.ZeroMQ == from.Name }
	}
	for i := range b.rules {
		if match(&b.rules[i]) {
			r.topics = append(r.topics, b.rules[i].Topics...)
		}
	}
	return r
}

// may reports whether the sender may publish on a topic.
func (r *rights) may(topic string) bool { return covers(r.topics, topic) }

func covers(patterns []fedmsg.Pattern, topic string) bool {
	for i := range patterns {
		if patterns[i].Match(topic) {
			return true
		}
	}
	return false
}

// anySigner reports whether there is a signer whose messages on a topic pass whoever hands them in.
func (b *rightsBook) anySigner(topic string) bool {
	for i := range b.rules {
		if b.rules[i].Signer != "" && covers(b.rules[i].Topics, topic) {
			return true
		}
	}
	return false
}

// checkSigner refuses a verified message that a sender without rights handed in, unless its signer has the right. A signature
// that does not cover the topic gives none: whoever saw the message could hand it in under another.
func (b *rightsBook) checkSigner(of *rights, from fedmsg.Sender, r *fedmsg.Record) error {
	for i := range b.rules {
		p := &b.rules[i]
		if p.Signer != "" && r.Verdict == fedmsg.VerdictOK && p.signs(r.Signer) && covers(p.Topics, r.Topic) {
			return nil
		}
	}
	return of.refusal(from, r.Topic)
}

// signs reports whether the rule speaks of a verified signer.
func (p *Publisher) signs(signer string) bool {
	root, _, _ := strings.Cut(signer, "/") // the name behind it may have anything in it
	return p.Signer == signer || p.Signer == root
}

// refusal says why the sender may not publish on a topic.
func (r *rights) refusal(from fedmsg.Sender, topic string) error {
	switch {
	case from.IsZero():
		return fedmsg.Errorf(fedmsg.CodeUnauthenticated, "cannot publish on %s: it is not known who sends; use the unix socket, or a token as `fedmsg token new` makes", topic)
	case from.Kind == fedmsg.SenderLoopback:
		return fedmsg.Errorf(fedmsg.CodeUnauthenticated, "cannot publish on %s: this node takes messages without a token only while environment is dev; use the unix socket, or a token as `fedmsg token new` makes; a socket for old publishers needs sender=NAME, and a [[publisher]] with zeromq = NAME", topic)
	case from.Kind == fedmsg.SenderToken:
		return fedmsg.Errorf(fedmsg.CodeForbidden, "%s may not publish on %s; make a token with --publish for the topic, or allow it by topics in a [[publisher]] with token = %q", from, topic, from.Name)
	case from.Kind == fedmsg.SenderUID:
		return fedmsg.Errorf(fedmsg.CodeForbidden, "%s may not publish on %s; add the user to the group %s, or allow it by topics in a [[publisher]] with uid = %q", from, topic, defaultGroup, from.Name)
	case from.Kind == fedmsg.SenderCurve:
		return fedmsg.Errorf(fedmsg.CodeForbidden, "%s may not publish on %s; allow it by topics in a [[publisher]] with curve = %q", from, topic, from.Name)
	case from.Kind == fedmsg.SenderZeroMQ && from.Name == "":
		return fedmsg.Errorf(fedmsg.CodeForbidden, "nobody may publish on %s over this socket; name it by sender=NAME, and allow it by topics in a [[publisher]] with zeromq = NAME, or allow the signers of the messages with signer", topic)
	case from.Kind == fedmsg.SenderZeroMQ:
		return fedmsg.Errorf(fedmsg.CodeForbidden, "what comes by %s may not be on %s; allow it by topics in a [[publisher]] with zeromq = %q, or allow the signers of the messages with signer", from, topic, from.Name)
	case from.Kind == fedmsg.SenderSource:
		return fedmsg.Errorf(fedmsg.CodeForbidden, "what comes by %s may not be on %s; allow it by topics in the [[source]] with name = %q, or have the other side send less", from, topic, from.Name)
	}
	return fedmsg.Errorf(fedmsg.CodeForbidden, "%s may not publish on %s; an administrator can allow it by topics in a [[publisher]]", from, topic)
}
