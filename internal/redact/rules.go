package redact

import (
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
)

// Rules say whose word erases. They are immutable.
type Rules struct {
	Own  string   // the name as which the node signs
	From []string // verified signers beside it: ROOT/NAME is one, ROOT all of a trust root
}

// May reports whether a verified signer may say what is to be erased.
func (r *Rules) May(signer string) bool {
	if signer == "" {
		return false
	}
	root, _, _ := strings.Cut(signer, "/") // the name behind it may have anything in it
	for _, from := range r.From {
		if from == signer || from == root {
			return true
		}
	}
	return signer == r.Own
}

// Read gives what an entry says is to be erased, where who signed it may say so. It is the one place that decides this, for the log and
// for the archive. Who did it is whom the node authenticated: of another node that is who signed it, whatever else it claims.
func (r *Rules) Read(e *fedmsg.Entry) (archive.Redaction, bool) {
	if e.Redacted || !IsTopic(e.Topic) || e.Verdict != fedmsg.VerdictOK || !r.May(e.Signer) {
		return archive.Redaction{}, false
	}
	told, err := parse(e)
	if e.Signer != r.Own {
		told.By = e.Signer
	}
	return told, err == nil
}
