package trust

import (
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/pgp"
	"github.com/federated-messaging/fedmsg/internal/pki"
)

// snapshot is everything that is trusted at one moment. It is immutable but for its caches, which hold only what the roots
// alone decide: no times, no revocations.
type snapshot struct {
	roots    []*root // in the order of the configuration
	policy   Policy
	settings Settings
	origin   *definition // what it was made of
	faults   []error     // what could not be read, each a *fault; what was good before is in force in its place

	members *cache // certificates by the raw certificate member of envelopes
	ders    *cache // certificates by their DER, as detached signatures bring them
}

// root is one root with what its files hold. It is immutable.
type root struct {
	Root
	where string // the file that it stands in, by its base name, or the configuration
	own   bool   // it is the node's own keys
	*material
	list *revocations // nil: none is configured
}

// material is the keys of a root: one of the three.
type material struct {
	files     []source
	authority *pki.Authority
	ring      *pgp.Keyring
	keys      []keys.Public
}

// revocations is a root's revocation list.
type revocations struct {
	file source
	crl  *pki.CRL
}

// within reports whether the root is trusted for messages received at a time.
func (r *root) within(at time.Time) bool {
	return (r.NotBefore.IsZero() || !at.Before(r.NotBefore)) && (r.NotAfter.IsZero() || !at.After(r.NotAfter))
}

// covers reports whether the root may speak for a topic.
func (r *root) covers(topic string) bool {
	for _, p := range r.Topics {
		if p.Match(topic) {
			return true
		}
	}
	return false
}

// speaker is one who may have signed: a root, and of roots that stand for many the one of them.
type speaker struct {
	root   *root
	name   string    // the certificate's name or the fingerprint; empty where the root is bare keys
	signer string    // as entries show it
	leaf   *pki.Leaf // nil where there is no certificate, and when only a question is asked
}

// bound reports whether the routing policy speaks of this kind of speaker: of all but bare keys.
func (s *speaker) bound() bool { return s.name != "" }

func (r *root) speaker(name string, leaf *pki.Leaf) speaker {
	if name == "" {
		return speaker{root: r, signer: r.Name}
	}
	return speaker{root: r, name: name, signer: r.Name + "/" + name, leaf: leaf}
}

// holder is a bare key with the roots that it stands for.
type holder struct {
	key      keys.Public
	speakers []speaker
}

// holders is the bare keys of a snapshot together with the node's own.
type holders struct {
	of    *snapshot
	first *keys.Public // of the own keys
	count int          // of them
	byID  map[string]holder
}

// holds reports whether h was made of these.
func (h *holders) holds(n *snapshot, own []keys.Public) bool {
	return h != nil && h.of == n && h.count == len(own) && (h.count == 0 || h.first == &own[0])
}

func newHolders(n *snapshot, self *root, own []keys.Public) *holders {
	h := &holders{of: n, count: len(own), byID: map[string]holder{}}
	if len(own) > 0 {
		h.first = &own[0]
	}
	add := func(r *root, list []keys.Public) {
		for _, k := range list {
			id := k.ID()
			had := h.byID[id]
			h.byID[id] = holder{key: k, speakers: append(had.speakers, r.speaker("", nil))}
		}
	}
	add(self, own)
	for _, r := range n.roots {
		add(r, r.keys)
	}
	return h
}

// newOwn is the root that the node's own keys stand for.
func newOwn(name string, topics []fedmsg.Pattern) *root {
	return &root{Root: Root{Name: name, Topics: topics}, own: true, material: &material{}}
}
