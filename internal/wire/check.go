package wire

import "github.com/federated-messaging/fedmsg"

// checkMembers holds the types of an envelope's members, and their limits.
func (d *Decoder) checkMembers(in *members, m Mode) error {
	if m == Strict {
		for _, w := range [...]struct {
			f          field
			kind       byte
			name, what string
		}{
			{usernameField, '"', "username", "a string"},
			{headersField, '{', "headers", "an object"},
			{timestampField, '0', "timestamp", "a number"},
			{counterField, '0', "i", "a number"},
			{cryptoField, '"', "crypto", "a string"},
			{signatureField, '"', "signature", "a string"},
			{certificateField, '"', "certificate", "a string"},
		} {
			if err := in.wants(w.f, w.kind, w.name, w.what); err != nil {
				return err
			}
		}
	}
	if err := in.wants(msgIDField, '"', "msg_id", "a string"); err != nil {
		return err
	}
	return d.checkCommon(in, m)
}

// checkCommon holds what envelopes and submissions have in common, but for the grammar of topic and id.
func (d *Decoder) checkCommon(in *members, m Mode) error {
	if in.kind(topicField) != '"' {
		return fedmsg.Errorf(fedmsg.CodeBadTopic, "topic is missing or not a string")
	}
	if !in.has(bodyField) {
		return fedmsg.Errorf(fedmsg.CodeBadBody, "msg is missing; it is the body, a JSON object")
	}
	body := in.body()
	if m == Strict && body[0] != '{' {
		return errBody()
	}
	if err := d.checkBody(body); err != nil {
		return err
	}
	return d.checkHeaders(&in.headers)
}

// errBody refuses a body that is not an object.
func errBody() error {
	return fedmsg.Errorf(fedmsg.CodeBadBody, "msg is not a JSON object; put the value into one, as in {\"value\":…}")
}

// errHeaders refuses headers that are not all strings.
func errHeaders() error {
	return fedmsg.Errorf(fedmsg.CodeBadEnvelope, "headers must be an object of strings; what is not text belongs into msg")
}

// checkBody holds the limit of bodies.
func (d *Decoder) checkBody(body []byte) error {
	if len(body) > d.Limits.Body {
		return fedmsg.Errorf(fedmsg.CodeTooLarge, "msg has %d bytes; limits.body is %d", len(body), d.Limits.Body)
	}
	return nil
}

// checkHeaders holds the limits of headers.
func (d *Decoder) checkHeaders(t *tally) error {
	if t.count > d.Limits.Headers {
		return fedmsg.Errorf(fedmsg.CodeTooLarge, "there are %d headers; limits.headers is %d", t.count, d.Limits.Headers)
	}
	if t.longest > d.Limits.HeaderBytes {
		return fedmsg.Errorf(fedmsg.CodeTooLarge, "a header has %d bytes; limits.header_bytes is %d", t.longest, d.Limits.HeaderBytes)
	}
	return nil
}

// checkName holds the limit of usernames, which counts what the escapes stand for: the same name fits or not however it is
// written.
func (d *Decoder) checkName(name string) error {
	if len(name) > d.Limits.NameBytes {
		return fedmsg.Errorf(fedmsg.CodeTooLarge, "username has %d bytes; limits.name_bytes is %d", len(name), d.Limits.NameBytes)
	}
	return nil
}

// checkID holds the grammar of ids: printable ASCII without space, quote and backslash. The old wire may send a backslash:
// real ids came through STOMP, which writes a colon as \c.
func (d *Decoder) checkID(id string, m Mode) error {
	if id == "" {
		return fedmsg.Errorf(fedmsg.CodeBadID, "id is empty; leave it out where there is none")
	}
	if len(id) > d.Limits.IDBytes {
		return fedmsg.Errorf(fedmsg.CodeBadID, "id has %d bytes; limits.id_bytes is %d", len(id), d.Limits.IDBytes)
	}
	for i, r := range id {
		if r <= ' ' || r >= 0x7f || r == '"' || r == '\\' && m == Strict {
			return fedmsg.Errorf(fedmsg.CodeBadID, "id %q has %q at byte %d; ids are printable ASCII without spaces, quotes and backslashes", clip(id), r, i+1)
		}
	}
	return nil
}
