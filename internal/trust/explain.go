package trust

import (
	"fmt"
	"strings"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/nearest"
)

// Explanation is the answer to whether a signer may speak for a topic.
type Explanation struct {
	Allowed bool
	Code    fedmsg.Code // why not
	Line    string      // which line decides: the root or policy entry, and the file that it stands in
	Steps   []string    // what else was looked at, in order
}

// Explain answers whether a signer, as ROOT, ROOT/NAME, a bare certificate name, a fingerprint or a key's ID, may sign messages on the topic, and
// which line decides.
func (s *Store) Explain(topic, signer string, at time.Time) Explanation {
	n := s.current()
	h := s.bareKeys(n)
	speakers, steps := n.resolve(s.own, h, signer)
	if len(speakers) == 0 {
		return Explanation{
			Code: fedmsg.CodeUnknownSigner, Steps: steps,
			Line: fmt.Sprintf("no line: nobody is trusted unless a [[trust]] says so, and none knows %q", clip(signer)),
		}
	}
	i, d := n.choose(speakers, topic, at)
	chosen := &speakers[i]
	if len(speakers) > 1 {
		steps = append(steps, fmt.Sprintf("%d roots may know %q; %q decides", len(speakers), clip(signer), chosen.root.Name))
	}
	for r := range d.rule {
		if text := n.passed(chosen, r, at); text != "" {
			steps = append(steps, text)
		}
	}
	x := Explanation{Allowed: d.rule == allowed, Line: n.line(chosen, d, topic), Steps: steps}
	if !x.Allowed {
		err := n.refusal(chosen, d, topic, at)
		x.Code = fedmsg.CodeOf(err)
		x.Steps = append(x.Steps, err.Error())
	} else if chosen.root.authority != nil {
		x.Steps = append(x.Steps, "the dates and the revocation of the certificate itself are looked at when it signs")
	}
	return x
}

// line is the one that a decision depends on.
func (n *snapshot) line(s *speaker, d decision, topic string) string {
	switch {
	case d.rule == rootDates:
		return s.root.at() + ": valid " + s.root.dates()
	case d.rule == freshList:
		return s.root.at() + `: crl, and [verification] on_stale_crl = "refuse"`
	case d.rule < rootTopics:
		return s.root.at() + ": " + string(fedmsg.CodeOf(d.err))
	case d.rule == rootTopics || !s.bound() || d.rule == allowed && !d.listed:
		return s.root.at() + ": " + s.root.topics()
	case !d.listed:
		return "[policy] nitpicky = true, and [policy.topics] does not list the topic"
	}
	return fmt.Sprintf("[policy.topics] %q lists %s", clip(topic), strings.Join(n.policy.Topics[topic], ", "))
}

// at is where the root stands.
func (r *root) at() string {
	if r.own {
		return fmt.Sprintf("the node's own key %q (signing.topics)", r.Name)
	}
	return fmt.Sprintf("[[trust]] %q (%s)", r.Name, r.where)
}

// passed says of a rule that it forbids nothing, or nothing where it has nothing to say.
func (n *snapshot) passed(s *speaker, r rule, at time.Time) string {
	switch {
	case r == rootDates:
		return fmt.Sprintf("%s is trusted at %s: valid %s", s.root.at(), at.UTC().Format(time.RFC3339), s.root.dates())
	case r == freshList && s.root.list != nil:
		return "its revocation list may be used"
	case r == rootTopics:
		return s.root.at() + ": " + s.root.topics()
	case r == policyTopics && s.bound():
		return "[policy] does not forbid it"
	}
	return ""
}

// resolve finds whom a signer, as people write one, may mean, and says what was thought of.
func (n *snapshot) resolve(own *root, h *holders, signer string) (speakers []speaker, steps []string) {
	if held, ok := h.byID[signer]; ok {
		return held.speakers, []string{"it is the id of a key"}
	}
	name, of, inRoot := strings.Cut(signer, "/")
	if h.count > 0 && signer == own.Name {
		speakers = append(speakers, own.speaker("", nil))
	}
	for _, r := range n.roots {
		switch {
		case inRoot && name != r.Name:
		case inRoot && r.known(of) != "":
			speakers = append(speakers, r.speaker(r.known(of), nil))
		case inRoot:
			steps = append(steps, fmt.Sprintf("%s knows no %q", r.at(), clip(of)))
		case signer == r.Name && r.keys != nil:
			speakers = append(speakers, r.speaker("", nil))
		case signer == r.Name:
			steps = append(steps, fmt.Sprintf("%s stands for many; ask for %s/NAME", r.at(), r.Name))
		}
	}
	if len(speakers) > 0 || len(steps) > 0 {
		return speakers, steps
	}
	if near := nearest.Word(name, n.names(own)); near != "" {
		steps = append(steps, fmt.Sprintf("there is no root %q; did you mean %q?", clip(name), near))
	}
	if inRoot || signer == "" {
		return nil, steps
	}
	for _, r := range n.roots {
		if who := r.known(signer); who != "" {
			speakers = append(speakers, r.speaker(who, nil))
		}
	}
	return speakers, steps
}

// known is the name as signers have it of somebody whom a root can stand for; empty: it cannot. An authority may give a
// certificate of any name; a fingerprint is taken as gpg prints it too, with spaces and in any case.
func (r *root) known(name string) string {
	if r.ring == nil {
		if r.authority == nil {
			return ""
		}
		return name
	}
	compact := strings.ReplaceAll(name, " ", "")
	for _, f := range r.ring.Fingerprints() {
		if strings.EqualFold(f, compact) {
			return f
		}
	}
	return ""
}

// names is everything that a signer's first part can be.
func (n *snapshot) names(own *root) []string {
	list := []string{own.Name}
	for _, r := range n.roots {
		list = append(list, r.Name)
	}
	return list
}
