package wire

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/federated-messaging/fedmsg"
)

// What the second of four frames says of a publication.
const (
	// FrameEnvelope is topic, FEDMSG2, envelope, detached signatures: an array as AppendSignatures makes it.
	FrameEnvelope = "FEDMSG2"
	// FrameParts is topic, FEDPUB1, headers, body: the form of 2017.
	FrameParts = "FEDPUB1"
)

// IDHeader is the header that carries the id of a message whose form has no other place for it.
const IDHeader = "fedmsg-id"

// Published decodes a message as it is published over ZeroMQ: two frames are topic and envelope of the old wire, which is
// read as such, four are what the second of them says, read strictly. The topic in front of an envelope must be the
// envelope's own: subscribers choose by the one and readers by the other. The result may share the frames' memory; its
// strings are copies. Beside an error of a decoded envelope stands the envelope.
func (d *Decoder) Published(frames [][]byte) (Submitted, error) {
	switch {
	case len(frames) == 2:
		env, err := d.Envelope(frames[1], Old)
		return framed(frames[0], Submitted{Whole: true, Envelope: env}, err)
	case len(frames) == 4 && string(frames[1]) == FrameEnvelope:
		s, err := d.envelopeFrames(frames[2], frames[3])
		return framed(frames[0], s, err)
	case len(frames) == 4 && string(frames[1]) == FrameParts:
		sub, err := d.parts(frames[0], frames[2], frames[3])
		return Submitted{Submission: sub}, err
	case len(frames) == 4:
		return Submitted{}, badFrames("the second of four frames is %q; %s and %s are known", clip(frames[1]), FrameEnvelope, FrameParts)
	case len(frames) == 1 && bytes.IndexByte(frames[0], 0) >= 0:
		return Submitted{}, badFrames("message is one frame with NUL between topic and body, as before 2013; send them as two frames")
	}
	return Submitted{}, badFrames("message has %d frames; a publication has two, which are topic and envelope, or four with %s or %s in the second", len(frames), FrameEnvelope, FrameParts)
}

// Parts decodes a submission whose topic, headers and body are a frame each, strictly: headers an object of strings, in which
// IDHeader gives the id and is taken out, body an object; either may be empty, which is {}. The result may share the frames'
// memory; its strings are copies.
func (d *Decoder) Parts(frames [][]byte) (Submitted, error) {
	if len(frames) != 3 {
		return Submitted{}, badFrames("submission has %d frames; it has three, which are topic, headers and body", len(frames))
	}
	sub, err := d.parts(frames[0], frames[1], frames[2])
	return Submitted{Submission: sub}, err
}

// badFrames refuses a message for the frames that it is made of.
func badFrames(format string, args ...any) error {
	return fedmsg.Errorf(fedmsg.CodeBadEnvelope, format, args...)
}

// framed holds that the topic in front of an envelope is the envelope's.
func framed(topic []byte, s Submitted, err error) (Submitted, error) {
	switch {
	case err != nil:
		return Submitted{}, err
	case string(topic) == s.Envelope.Topic:
		return s, nil
	case !utf8.Valid(topic):
		return s, fedmsg.Errorf(fedmsg.CodeBadTopic, "the topic in front of the envelope on %s is not UTF-8", s.Envelope.Topic)
	}
	return s, fedmsg.Errorf(fedmsg.CodeBadTopic, "the topic in front of the envelope is %q and the one in it %q; they must be the same", clip(topic), clip([]byte(s.Envelope.Topic)))
}

// envelopeFrames decodes an envelope with its signatures beside it. What a node published is never mended.
func (d *Decoder) envelopeFrames(envelope, signatures []byte) (Submitted, error) {
	env, err := d.Envelope(envelope, Strict)
	if err != nil {
		return Submitted{}, err
	}
	if err := exact(&env, envelope); err != nil {
		return Submitted{}, err
	}
	s := Submitted{Whole: true, Envelope: env}
	if string(signatures) != "[]" {
		s.Signatures, err = detached(signatures)
	}
	return s, err
}

// detached checks an array of signatures and copies it, unless there is none in it.
func detached(raw []byte) (json.RawMessage, error) {
	if most := DSSESize(0); len(raw) > most {
		return nil, malformed("signatures have %d bytes; at most %d are taken", len(raw), most)
	}
	s := borrow(trimmed(raw), dsseDepth)
	defer s.release()
	all := s.copySignatures()
	s.end()
	if s.err != nil {
		return nil, within("signatures", s.err)
	}
	if string(all) == "[]" {
		return nil, nil
	}
	return all, nil
}

// parts decodes topic, headers and body.
func (d *Decoder) parts(topic, headers, body []byte) (Submission, error) {
	if size := len(topic) + len(headers) + len(body); size > d.Limits.Envelope {
		return Submission{}, d.tooLarge(size)
	}
	sub := Submission{Topic: string(topic)}
	err := d.Limits.CheckTopic(sub.Topic)
	if err == nil {
		err = d.headersPart(&sub, headers)
	}
	if err == nil {
		err = d.bodyPart(&sub, body)
	}
	return sub, err
}

// headersPart decodes headers, with the id in them.
func (d *Decoder) headersPart(sub *Submission, data []byte) error {
	if data = trimmed(data); len(data) == 0 {
		return nil
	}
	s := d.part(data)
	defer s.release()
	if data[0] != '{' {
		return badFrames("headers are not a JSON object")
	}
	t := s.headers()
	s.end()
	switch {
	case s.err != nil:
		return within("headers", s.err)
	case !t.strings:
		return errHeaders()
	}
	if err := d.checkHeaders(&t); err != nil {
		return err
	}
	if t.id.to > 0 {
		s.joined = appendUnescaped(s.joined, data[t.id.from+1:t.id.to-1])
		sub.ID = string(s.joined)
		if err := d.checkID(sub.ID, Strict); err != nil {
			return err
		}
		data = t.withoutID(data)
		t.count--
	}
	if t.count > 0 {
		sub.Headers = data
		if s.spaces > 0 {
			sub.Headers = appendCompact(make([]byte, 0, len(data)), data)
		}
	}
	return nil
}

// withoutID gives the headers, as they were read, without that of the id.
func (t *tally) withoutID(data []byte) []byte {
	from, to := t.idAfter, t.id.to
	if from == 0 && t.count > 1 { // it is the first, and the comma behind it goes too
		from, to = 1, to+1+bytes.IndexByte(data[to:], ',')
	}
	return append(append(make([]byte, 0, len(data)), data[:from]...), data[to:]...)
}

// bodyPart decodes a body.
func (d *Decoder) bodyPart(sub *Submission, data []byte) error {
	if data = trimmed(data); len(data) == 0 {
		sub.Body = []byte("{}")
		return nil
	}
	s := d.part(data)
	defer s.release()
	s.value()
	s.end()
	switch {
	case s.err != nil:
		return within("body", s.err)
	case data[0] != '{':
		return errBody()
	}
	sub.Body = data
	if s.spaces > 0 {
		sub.Body = appendCompact(make([]byte, 0, len(data)), data)
	}
	return d.checkBody(data)
}

// part gives a scanner for what becomes a member of an envelope, and so is one deeper than it looks.
func (d *Decoder) part(data []byte) *scanner {
	s := borrow(data, d.Limits.Depth)
	s.depth = 1
	return s
}

// within says in which part the fault is.
func within(part string, err error) error {
	code, text := fedmsg.Public(err)
	return fedmsg.Errorf(code, "%s: %s", part, text)
}
