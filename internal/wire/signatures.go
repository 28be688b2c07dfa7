package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"

	"github.com/federated-messaging/fedmsg"
)

// dsseDepth is how deep the JSON form of DSSE is nested.
const dsseDepth = 3

// DecodeSignatures reads an array as [AppendSignatures] makes it, strictly: at most [MaxSignatures], no member unknown or
// twice, canonical base64. No array at all, like an empty one, is no signatures. The error has CodeMalformedSignature. The
// result shares no memory with raw.
func DecodeSignatures(raw []byte) ([]Signature, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	s := borrow(trimmed(raw), dsseDepth)
	defer s.release()
	var all []Signature
	s.signatures(func(t signatureText) {
		one := Signature{KeyID: string(t.keyID), Sig: decoded(t.sig)}
		if t.certificate != nil {
			one.Certificate = decoded(t.certificate)
		}
		all = append(all, one)
	})
	s.end()
	if s.err != nil {
		_, text := fedmsg.Public(s.err)
		return nil, fedmsg.Errorf(fedmsg.CodeMalformedSignature, "signatures: %s", text)
	}
	return all, nil
}

// DecodeDSSE reads the JSON form of DSSE whose payload has at most limit bytes, as strictly as an envelope is read. The
// result shares no memory with data.
func DecodeDSSE(data []byte, limit int) (DSSE, error) {
	data = trimmed(data)
	if most := DSSESize(limit); len(data) > most {
		return DSSE{}, fedmsg.Errorf(fedmsg.CodeTooLarge, "message has %d bytes with its signatures; at most %d are taken, which follows from limits.envelope", len(data), most)
	}
	s := borrow(data, dsseDepth)
	defer s.release()
	d := s.dsse(limit)
	s.end()
	switch {
	case s.err != nil:
		return DSSE{}, s.err
	case d.Type == "" || d.Payload == nil || d.Signatures == nil:
		return DSSE{}, malformed("DSSE has payload, payloadType and signatures; one is missing")
	// verification: no-signatures
	case len(d.Signatures) == len("[]"):
		return DSSE{}, malformed("signatures is empty; what nobody signed is submitted without DSSE around it")
	}
	return d, nil
}

// dsse passes over the object and copies what is in it.
func (s *scanner) dsse(limit int) (d DSSE) {
	if len(s.data) == 0 || s.data[0] != '{' {
		s.syntax("an object")
		return d
	}
	o := s.enter()
	for s.member(&o) {
		switch name := s.keyText(s.keys[len(s.keys)-1]); string(name) {
		case "payload":
			text := s.text("payload")
			if size := base64Size(text); s.err == nil && size > limit {
				s.failf(fedmsg.CodeTooLarge, "message has %d bytes; limits.envelope is %d", size, limit)
			}
			if s.err == nil {
				d.Payload = s.base64(make([]byte, 0, base64.StdEncoding.DecodedLen(len(text))), text, "payload")
			}
		case "payloadType":
			if text := s.text("payloadType"); string(text) == EnvelopeType {
				d.Type = EnvelopeType // which needs no copy
			} else {
				d.Type = string(text)
			}
		case "signatures":
			d.Signatures = s.copySignatures()
		default:
			s.failf(fedmsg.CodeMalformedSignature, "unknown key %q; DSSE has payload, payloadType and signatures, and all else belongs into the payload", clip(name))
		}
	}
	// verification: dsse-duplicate-keys
	s.unique(o)
	s.leave(o)
	return d
}

// copySignatures passes over the array and copies it as [AppendSignatures] would have written it.
func (s *scanner) copySignatures() json.RawMessage {
	out := append(make([]byte, 0, 256), '[') // room for one without a certificate
	s.signatures(func(t signatureText) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(out, `{"keyid":"`...), t.keyID...)
		out = append(append(out, `","sig":"`...), t.sig...)
		if t.certificate != nil {
			out = append(append(out, `","cert":"`...), t.certificate...)
		}
		out = append(out, `"}`...)
	})
	return append(out, ']')
}

// signatureText is a signature as it is written, without escapes. Its form is checked.
type signatureText struct{ keyID, sig, certificate []byte }

// signatures passes over an array of signatures and hands each over for the time of the call.
func (s *scanner) signatures(each func(signatureText)) {
	if s.pos >= len(s.data) || s.data[s.pos] != '[' {
		s.failf(fedmsg.CodeMalformedSignature, "signatures must be an array")
		return
	}
	o := s.enter()
	for n := 1; s.more(&o, ']'); n++ {
		// verification: number-of-signatures (TestDecodeSignaturesRefusals)
		if n > MaxSignatures {
			s.failf(fedmsg.CodeMalformedSignature, "there are more than %d signatures", MaxSignatures)
			break
		}
		if t := s.signature(); s.err == nil {
			each(t)
		}
	}
	s.leave(o)
}

// signature passes over one signature.
func (s *scanner) signature() (t signatureText) {
	if s.pos >= len(s.data) || s.data[s.pos] != '{' {
		s.failf(fedmsg.CodeMalformedSignature, "a signature must be an object")
		return t
	}
	o := s.enter()
	for s.member(&o) {
		switch name := s.keyText(s.keys[len(s.keys)-1]); string(name) {
		case "keyid":
			t.keyID = s.text("keyid")
		case "sig":
			t.sig = s.text("sig")
		case "cert":
			t.certificate = s.text("cert")
		default:
			s.failf(fedmsg.CodeMalformedSignature, "unknown key %q; a signature has keyid, sig and cert", clip(name))
		}
	}
	// verification: signature-duplicate-keys
	s.unique(o)
	// verification: key-id-form
	s.checkKeyID(t.keyID)
	if s.err == nil && t.sig == nil {
		s.failf(fedmsg.CodeMalformedSignature, "a signature has no sig")
	}
	s.checkBase64(t.sig, maxSig, "sig")
	if t.certificate != nil {
		s.checkBase64(t.certificate, maxCertificate, "cert")
	}
	s.leave(o)
	return t
}

// text passes over the string that must stand at pos and gives it without its escapes. It is never nil, unless there is a
// fault, and valid until the object is left.
func (s *scanner) text(what string) []byte {
	if s.err != nil || s.pos >= len(s.data) || s.data[s.pos] != '"' {
		s.failf(fedmsg.CodeMalformedSignature, "%s must be a string", what)
		return nil
	}
	t := s.str()
	if s.err != nil {
		return nil
	}
	if !t.escaped {
		return s.data[t.from:t.to]
	}
	from := len(s.arena)
	s.arena = appendUnescaped(s.arena, s.data[t.from:t.to])
	return s.arena[from:]
}

// checkKeyID holds that the id of a key is short, and can be shown and written as it is.
func (s *scanner) checkKeyID(id []byte) {
	if len(id) > maxKeyID {
		s.failf(fedmsg.CodeMalformedSignature, "keyid has %d bytes; at most %d are taken", len(id), maxKeyID)
		return
	}
	for _, c := range id {
		if c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			s.failf(fedmsg.CodeMalformedSignature, "keyid has %q in it; it is printable ASCII without spaces, quotes and backslashes", c)
			return
		}
	}
}

// checkBase64 holds that text is canonical base64 of at least one byte and of no more than most.
func (s *scanner) checkBase64(text []byte, most int, what string) {
	switch size := base64Size(text); {
	case s.err != nil:
	case len(text) == 0:
		s.failf(fedmsg.CodeMalformedSignature, "%s is empty", what)
	case size > most:
		s.failf(fedmsg.CodeMalformedSignature, "%s has %d bytes; at most %d are taken", what, size, most)
	default:
		s.swap = s.base64(s.swap[:0], text, what)
	}
}

// base64 appends what text stands for. There is one text for each sequence of bytes: padded, the unused bits zero, and
// without the line breaks that the standard library passes over.
func (s *scanner) base64(dst, text []byte, what string) []byte {
	out, err := base64.StdEncoding.Strict().AppendDecode(dst, text)
	// verification: canonical-base64 (TestDecodeSignaturesRefusals)
	if err != nil || bytes.IndexByte(text, '\n') >= 0 || bytes.IndexByte(text, '\r') >= 0 {
		s.failf(fedmsg.CodeMalformedSignature, "%s is not canonical base64: the standard alphabet with padding, and nothing between", what)
		return dst
	}
	return out
}

// base64Size is how many bytes a base64 text stands for, if it is one.
func base64Size(text []byte) int {
	n := base64.StdEncoding.DecodedLen(len(text))
	for i := 1; i <= 2 && i <= len(text) && text[len(text)-i] == '='; i++ {
		n--
	}
	return n
}

// decoded is what a text that was checked stands for.
func decoded(text []byte) []byte {
	out, _ := base64.StdEncoding.AppendDecode(nil, text)
	return out
}

// malformed makes the error of a signature that has not the form of one.
func malformed(format string, args ...any) error {
	return fedmsg.Errorf(fedmsg.CodeMalformedSignature, format, args...)
}
