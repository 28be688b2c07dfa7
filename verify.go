package fedmsg

// Verdict is what a node found when it verified who made a message. It says nothing of what the message claims.
type Verdict string

// The verdicts of stored entries. A message that was judged bad has none: it is not stored, and its sender gets an error.
const (
	// VerdictNone is of entries that were stored before anything was verified.
	VerdictNone Verdict = ""
	// VerdictOK means that the signer is known, was valid when the node received the message, and may speak for its topic.
	VerdictOK Verdict = "ok"
	// VerdictTopicNotCovered is a good signature of the old OpenPGP form: it covers the body alone, so that topic, id and
	// time are only as good as the way on which they came (SPEC section 8).
	VerdictTopicNotCovered Verdict = "topic_not_covered"
	// VerdictUnsigned means that nobody signed the message and that the door did not ask for it.
	VerdictUnsigned Verdict = "unsigned"
	// VerdictUnchecked means that the door has verification switched off: the message may carry anything.
	VerdictUnchecked Verdict = "unchecked"
)

// VerifyMode says what a door asks of signatures. The zero value is that of a door which leaves it to the node.
type VerifyMode string

// The modes of a door.
const (
	// VerifyRequire takes only what is signed by somebody who may speak for the topic, the node itself included.
	VerifyRequire VerifyMode = "require"
	// VerifyIfSigned takes what is not signed too. What is signed must be right.
	VerifyIfSigned VerifyMode = "if-signed"
	// VerifyInsecureOff looks at no signature.
	VerifyInsecureOff VerifyMode = "insecure-off"
)

// UnmarshalText reads a mode as a configuration writes it.
func (m *VerifyMode) UnmarshalText(text []byte) error {
	switch v := VerifyMode(text); v {
	case VerifyRequire, VerifyIfSigned, VerifyInsecureOff:
		*m = v
		return nil
	}
	return Errorf(CodeConfig, "verification is one of require, if-signed and insecure-off, not %q", clip(string(text), 32))
}

// MarshalText writes the mode as it is configured.
func (m VerifyMode) MarshalText() ([]byte, error) { return []byte(m), nil }
