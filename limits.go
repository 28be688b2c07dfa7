package fedmsg

// Limits bounds what one message may be. Every door uses the same table. The zero value of a field is not "no limit" but
// "nothing fits": start from [DefaultLimits].
type Limits struct {
	Body        int // bytes of msg as it was sent
	Envelope    int // bytes of a whole envelope
	Depth       int // nesting of JSON arrays and objects, the outermost counting 1
	TopicBytes  int // bytes of a topic
	TopicWords  int // words of a topic
	Headers     int // number of headers
	HeaderBytes int // bytes of one header, name and value together as they were sent
	IDBytes     int // bytes of an id
	NameBytes   int // bytes of username
}

// DefaultLimits is the table that holds where nothing is configured.
func DefaultLimits() Limits {
	return Limits{
		Body:        1 << 20,
		Envelope:    1<<20 + 384<<10,
		Depth:       64,
		TopicBytes:  255,
		TopicWords:  16,
		Headers:     64,
		HeaderBytes: 4 << 10,
		IDBytes:     128,
		NameBytes:   255,
	}
}
