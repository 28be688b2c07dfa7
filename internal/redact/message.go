package redact

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/archive"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// suffix ends the topics of redactions.
const suffix = ".fedmsg.redact"

// MaxReason bounds the reason of a redaction, in bytes.
const MaxReason = 1000

// The longest words of a redaction, in bytes: what it says is kept for ever, also where it comes from another node.
const (
	maxID = 1 << 10 // the most that limits.id_bytes may be
	maxBy = 255
)

// Topic is the topic of the redactions of a node.
func Topic(prefix, environment string) string { return prefix + "." + environment + suffix }

// IsTopic reports whether a topic is one of redactions, of this node or of another: nothing else may be on it.
func IsTopic(topic string) bool { return strings.HasSuffix(topic, suffix) }

// Body is the body of the message that tells a redaction.
func Body(r *archive.Redaction) (json.RawMessage, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot encode the redaction of message %q", clip(r.ID))
	}
	return b, nil
}

// parse reads what an entry says is to be erased.
func parse(e *fedmsg.Entry) (r archive.Redaction, err error) {
	d := wire.Decoder{Limits: fedmsg.DefaultLimits()}
	envelope, err := d.Envelope(e.Envelope, wire.Old)
	if err == nil {
		err = json.Unmarshal(envelope.Body, &r)
	}
	if err != nil {
		return r, fedmsg.WrapError(fedmsg.CodeBadBody, err, "the redaction %q cannot be read", clip(e.ID))
	}
	return r, validate(&r)
}

// validate refuses what is no redaction, and what could not be kept or shown. It writes the SHA-256 in lower case, in which it is
// compared.
func validate(r *archive.Redaction) error {
	if r.ID == "" || len(r.ID) > maxID {
		return fedmsg.Errorf(fedmsg.CodeBadBody, "a redaction names no message that there could be")
	}
	if sum, err := hex.DecodeString(r.SHA256); err != nil || len(sum) != sha256.Size {
		return fedmsg.Errorf(fedmsg.CodeBadBody, "the redaction of message %q has no SHA-256 of 64 hexadecimal digits", clip(r.ID))
	}
	r.SHA256 = strings.ToLower(r.SHA256)
	if len(r.By) > maxBy {
		return fedmsg.Errorf(fedmsg.CodeBadBody, "the redaction of message %q is by somebody whose name has %d bytes; at most %d are kept", clip(r.ID), len(r.By), maxBy)
	}
	if !time.Unix(0, r.At.UnixNano()).Equal(r.At) {
		return fedmsg.Errorf(fedmsg.CodeBadBody, "the redaction of message %q has no time from 1678 to 2261", clip(r.ID))
	}
	return ValidateReason(r.Reason)
}

// ValidateReason refuses a reason that people could not read where it is shown.
func ValidateReason(reason string) error {
	switch {
	case strings.TrimSpace(reason) == "":
		return fedmsg.Errorf(fedmsg.CodeBadBody, "a redaction needs a reason, which readers are told")
	case len(reason) > MaxReason || !utf8.ValidString(reason):
		return fedmsg.Errorf(fedmsg.CodeBadBody, "the reason of a redaction is text of at most %d bytes", MaxReason)
	}
	return nil
}

// sumOf is the SHA-256 that a redaction names.
func sumOf(r *archive.Redaction) (sum [sha256.Size]byte) {
	b, _ := hex.DecodeString(r.SHA256) // it was validated
	copy(sum[:], b)
	return sum
}

// Sum is the SHA-256 of an envelope as a redaction names it.
func Sum(envelope []byte) string {
	sum := sha256.Sum256(envelope)
	return hex.EncodeToString(sum[:])
}

func clip(s string) string {
	if len(s) > 128 {
		return s[:128] + "…"
	}
	return s
}
