package wire

import "bytes"

// MailID is what the ids of messages that nodes made of mails begin with. Behind it is a hash of the mail.
const MailID = "mail-"

// SameContent reports whether two envelopes of one id say the same, so that the second is a repetition of the first. Made
// tells that the node made them from submissions: then topic, msg and headers are compared, which is what the submitter gave,
// but not the trace in the headers, which is another each time that a publisher tries again, nor dkim and openpgp in mail of msg: the
// same mail that comes again may be judged otherwise, and is the same mail.
// Otherwise all of the canonical form is but crypto, signature, certificate and seq_id, which whoever signs puts in: what a
// node signed in the old form, or numbered, may come again as it came first. What is not JSON is the same as nothing but itself.
func SameContent(a, b []byte, made bool) bool {
	if bytes.Equal(a, b) {
		return true
	}
	members := repeatedMembers
	if made {
		members = contentMembers
	}
	first, err := appendCanonical(nil, a, members)
	if err != nil {
		return false
	}
	second, err := appendCanonical(nil, b, members)
	return err == nil && bytes.Equal(first, second)
}
