package wire

import (
	"bytes"
	"strconv"

	"github.com/federated-messaging/fedmsg"
)

// AppendSigned appends what the old X.509 form is signed over: the canonical form of all but signature and certificate (SPEC
// section 7). It takes what AppendCanonical takes.
func AppendSigned(dst, envelope []byte) ([]byte, error) {
	return appendCanonical(dst, envelope, unsignedMembers)
}

// AppendBody appends what the old OpenPGP form is signed over: the canonical form of msg alone (SPEC section 8).
func AppendBody(dst []byte, e *Envelope) ([]byte, error) { return AppendCanonical(dst, e.Body) }

// AppendEmbedded appends the envelope with the old embedded signature put into it: crypto, and signature and certificate
// unless they are empty. All other bytes stay as they are. Where the keys are in canonical order the new ones go to their
// places in it, so that what was canonical stays so; otherwise they go to the end. An envelope that has one of the three
// already, even as null, is refused with CodeMalformedSignature, and dst is returned as it was.
//
// Crypto is signed too in the X.509 form: a signer puts in crypto alone, signs what AppendSigned makes of that, and then puts
// all three into the first envelope.
func AppendEmbedded(dst, envelope []byte, crypto, signature, certificate string) ([]byte, error) {
	added := [...]addition{{key: "certificate", value: certificate}, {key: "crypto", value: crypto}, {key: "signature", value: signature}}
	return appendWith(dst, envelope, added[:])
}

// AppendSeqID appends the envelope with a number for the old replay protocol put into it (seq_id, SPEC section 11), as
// AppendEmbedded puts in a signature. An envelope that has one already is refused.
func AppendSeqID(dst, envelope []byte, n uint64) ([]byte, error) {
	return appendWith(dst, envelope, []addition{{key: "seq_id", value: strconv.FormatUint(n, 10), number: true}})
}

// appendWith appends the envelope with members put into it, which are given in canonical order. Those without a value are
// left out.
func appendWith(dst, envelope []byte, added []addition) ([]byte, error) {
	if err := place(added, envelope); err != nil {
		return dst, err
	}
	from := 0
	for _, a := range added {
		if a.value == "" {
			continue
		}
		dst = append(dst, envelope[from:a.at]...)
		from = a.at
		if !a.first {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, a.key), ':')
		if a.number {
			dst = append(dst, a.value...)
		} else {
			dst = appendString(dst, a.value)
		}
		if a.first {
			dst = append(dst, ',')
		}
	}
	return append(dst, envelope[from:]...), nil
}

// addition is a member that is put into an object.
type addition struct {
	key, value string
	number     bool // value is one, and no string
	at         int  // where it goes in the object's bytes: behind the member before it
	first      bool // there is no member before it
}

// place finds where the additions, which are in canonical order, go.
func place(added []addition, envelope []byte) error {
	s := borrow(envelope, canonicalDepth)
	defer s.release()
	s.lenient = true
	s.space()
	if s.pos >= len(s.data) || s.data[s.pos] != '{' {
		s.syntax("an object")
		return s.err
	}
	o := s.enter()
	for i := range added {
		added[i].at, added[i].first = s.pos, true
	}
	sorted, last := true, s.pos
	for s.member(&o) {
		n := len(s.keys)
		name := s.keyText(s.keys[n-1])
		sorted = sorted && (n-1 == o.keys || bytes.Compare(s.keyText(s.keys[n-2]), name) < 0)
		s.value()
		last = s.pos
		for i := range added {
			switch a := &added[i]; {
			case string(name) == a.key:
				return fedmsg.Errorf(fedmsg.CodeMalformedSignature, "envelope has the member %q already; leave it out where the message is to be signed", a.key)
			case string(name) < a.key:
				a.at, a.first = last, false
			}
		}
	}
	empty := len(s.keys) == o.keys
	s.leave(o)
	s.end()
	switch {
	case s.err != nil:
		return s.err
	case empty:
		return fedmsg.Errorf(fedmsg.CodeBadEnvelope, "envelope is empty; there is nothing to sign")
	case !sorted:
		for i := range added {
			added[i].at, added[i].first = last, false
		}
	}
	return nil
}
