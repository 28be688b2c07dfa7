package wire

// Submission is a message as a new door is sent it, of which the node makes the envelope.
type Submission struct {
	Topic    string
	ID       string // empty when the node is to choose
	Username string // empty when absent or null
	Headers  []byte // a compact JSON object of strings; nil when absent, null or empty
	Body     []byte // a compact JSON object
}

// Submitted is what a request of a new door holds: one of its two forms.
type Submitted struct {
	Whole      bool       // the form: Envelope when true, Submission when false
	Envelope   Envelope   // zero unless Whole
	Submission Submission // zero if Whole
}

// Submitted decodes a request of a new door, strictly. An object with any of msg_id, timestamp, i, crypto, signature and
// certificate is a whole envelope, whose unknown members are kept in its bytes. Any other is a [Submission], in which an
// unknown key is refused: a misspelt one would be lost in silence. The result may share data's memory; its strings are copies.
func (d *Decoder) Submitted(data []byte) (Submitted, error) {
	panic("not yet")
}
