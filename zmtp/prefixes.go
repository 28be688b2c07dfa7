package zmtp

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// maxSubscriptionBytes bounds the prefixes of one peer together.
const maxSubscriptionBytes = 4 << 20

// errSubscriptions is why a peer was cut off that subscribed to more than it may.
var errSubscriptions = errors.New("zmtp: too many subscriptions")

// Prefixes is a set of subscriptions. What it costs to match a topic depends on the topic's length, not on how many there are.
// The zero value is empty. It is not for several goroutines at once.
type Prefixes struct {
	root  branch
	count int
	bytes int
}

// branch is a node of a tree whose edges carry one or more bytes. A branch but the root that ends no prefix has at least two
// children.
type branch struct {
	label    string // the bytes from its parent to it
	times    int    // how often the prefix that ends here was added
	firsts   []byte // the first bytes of the children's labels, in no order
	children []*branch
}

// Add adds a prefix and tells whether it is new. One that was added twice is removed twice.
func (p *Prefixes) Add(prefix []byte) (first bool) {
	b := p.root.grow(prefix)
	b.times++
	if b.times > 1 {
		return false
	}
	p.count++
	p.bytes += len(prefix)
	return true
}

// Remove takes back one Add and tells whether the prefix is gone with it. One that was not added is ignored.
func (p *Prefixes) Remove(prefix []byte) (last bool) {
	var above []*branch
	b, rest := &p.root, prefix
	for len(rest) > 0 {
		next := b.child(rest)
		if next == nil {
			return false
		}
		above = append(above, b)
		b, rest = next, rest[len(next.label):]
	}
	if b.times == 0 {
		return false
	}
	b.times--
	if b.times > 0 {
		return false
	}
	p.count--
	p.bytes -= len(prefix)
	for ; len(above) > 0 && b.prune(above[len(above)-1]); above = above[:len(above)-1] {
		b = above[len(above)-1]
	}
	return true
}

// Match tells whether the topic begins with one of them.
func (p *Prefixes) Match(topic []byte) bool {
	for b := &p.root; b != nil; b = b.child(topic) {
		topic = topic[len(b.label):]
		if b.times > 0 {
			return true
		}
	}
	return false
}

// Has tells whether this very prefix is one of them.
func (p *Prefixes) Has(prefix []byte) bool {
	b := &p.root
	for b != nil && len(prefix) > 0 {
		if b = b.child(prefix); b != nil {
			prefix = prefix[len(b.label):]
		}
	}
	return b != nil && b.times > 0
}

// Everything tells whether the empty prefix is one of them, so that all topics match.
func (p *Prefixes) Everything() bool { return p.root.times > 0 }

// Len tells how many different ones there are.
func (p *Prefixes) Len() int { return p.count }

// All gives each once, in no order. The bytes are good until the next one.
func (p *Prefixes) All() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) { p.root.walk(nil, yield) }
}

// Heed does what a peer asked for by a subscription or the end of one, and tells whether that changed anything. A peer's
// subscriptions count once, since a SUB of libzmq sends one cancellation for any number of subscriptions. An error says that
// it wants more than o.MaxSubscriptions or 4 MiB; its connection should end.
func (p *Prefixes) Heed(i Incoming, o Options) (changed bool, err error) {
	prefix := i.Message[0]
	if i.Cancel {
		return p.Remove(prefix), nil
	}
	if p.Has(prefix) {
		return false, nil
	}
	most := o.MaxSubscriptions
	if most <= 0 {
		most = 65536
	}
	if p.count >= most {
		return false, fmt.Errorf("%w: a peer may have %d prefixes; raise MaxSubscriptions", errSubscriptions, most)
	}
	if p.bytes+len(prefix) > maxSubscriptionBytes {
		return false, fmt.Errorf("%w: the prefixes of a peer may have %d bytes together", errSubscriptions, maxSubscriptionBytes)
	}
	return p.Add(prefix), nil
}

// child is the one whose whole label the bytes begin with, or nil.
func (b *branch) child(text []byte) *branch {
	if len(text) == 0 {
		return nil
	}
	i := bytes.IndexByte(b.firsts, text[0])
	if i < 0 {
		return nil
	}
	c := b.children[i]
	if len(text) < len(c.label) || string(text[:len(c.label)]) != c.label {
		return nil
	}
	return c
}

// grow gives the branch at which the prefix ends, and makes it if there is none.
func (b *branch) grow(prefix []byte) *branch {
	for len(prefix) > 0 {
		i := bytes.IndexByte(b.firsts, prefix[0])
		if i < 0 {
			leaf := &branch{label: string(prefix)}
			b.firsts = append(b.firsts, prefix[0])
			b.children = append(b.children, leaf)
			return leaf
		}
		c := b.children[i]
		same := 0
		for same < len(prefix) && same < len(c.label) && prefix[same] == c.label[same] {
			same++
		}
		if same < len(c.label) {
			fork := &branch{label: c.label[:same], firsts: []byte{c.label[same]}, children: []*branch{c}}
			c.label = c.label[same:]
			b.children[i] = fork
			c = fork
		}
		b, prefix = c, prefix[same:]
	}
	return b
}

// prune takes a branch that ends no prefix and forks no more out of the tree, and tells whether its parent has one child less.
func (b *branch) prune(parent *branch) bool {
	if b.times > 0 || len(b.children) > 1 {
		return false
	}
	i := bytes.IndexByte(parent.firsts, b.label[0])
	if len(b.children) == 1 {
		only := b.children[0]
		only.label = b.label + only.label
		parent.children[i] = only
		return false
	}
	parent.firsts = slices.Delete(parent.firsts, i, i+1)
	parent.children = slices.Delete(parent.children, i, i+1)
	return true
}

// walk gives all prefixes below; prefix is how one comes to b. It tells whether to go on.
func (b *branch) walk(prefix []byte, yield func([]byte) bool) bool {
	prefix = append(prefix, b.label...)
	if b.times > 0 && !yield(prefix) {
		return false
	}
	for _, c := range b.children {
		if !c.walk(prefix, yield) {
			return false
		}
	}
	return true
}
