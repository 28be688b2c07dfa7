package debian

// Statements is what was found out about who signed a mail. Package mailtrust fills it in; where nobody looked it is empty.
type Statements struct {
	DKIM    []DKIM   `json:"dkim,omitempty"`    // of each signature of the header, from its top; one with the result none where there is none
	OpenPGP *OpenPGP `json:"openpgp,omitempty"` // of the text that the fields of a .changes were read from; nil when it is not signed
}

// DKIM is what was found out about one signature by a domain (RFC 6376), and what it covers.
type DKIM struct {
	Result   string   `json:"result"`             // as RFC 8601 has them: none, pass, fail, policy, permerror, temperror
	Reason   string   `json:"reason,omitempty"`   // why it is not pass
	Domain   string   `json:"domain,omitempty"`   // d=, who signed; what is not pass only claims it
	Selector string   `json:"selector,omitempty"` // s=, which of the domain's keys
	Aligned  bool     `json:"aligned"`            // it is pass and by the domain of the mail's only sender, who is covered
	Covers   []string `json:"covers,omitempty"`   // names of fields of the header, in lower case, that all stand under the signature
	Body     string   `json:"body,omitempty"`     // whole, part or none; empty when it is not pass
}

// OpenPGP is what was found out about the signature of a text.
type OpenPGP struct {
	Result  string `json:"result"`            // good, or a code of the errors: bad_signature, unknown_signer, expired, revoked, weak_signature, malformed_signature
	Key     string `json:"key,omitempty"`     // fingerprint of the primary key, in upper case; of an unknown key what the signature claims
	Keyring string `json:"keyring,omitempty"` // the file of keys that has it
}

// Body is the body of a message, an object in JSON.
type Body interface {
	// Origin is the part of it that tells of the mail.
	Origin() *Source
}

// Origin implements [Body].
func (u *Upload) Origin() *Source { return &u.Mail }

// Origin implements [Body].
func (b *Bug) Origin() *Source { return &b.Mail }

// Origin implements [Body].
func (c *Control) Origin() *Source { return &c.Mail }

// Origin implements [Body].
func (m *Message) Origin() *Source { return &m.Mail }
