package mailtrust

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
)

// verify tells whether a signature is over this mail.
func (x *message) verify(s *signature, k *domainKey) finding {
	body := x.bodyHash(bodyForm{s.relaxedBody, s.length})
	switch {
	// verification: dkim-short-body (TestLength)
	case body.short:
		return finding{fail, "the body is shorter than what was signed (l=)"}
	// verification: dkim-body (TestCovered)
	case !bytes.Equal(body.sum[:], s.body):
		return finding{fail, "the body is not the one that was signed"}
	// verification: dkim-signature (TestCovered)
	case !k.made(s.bytes, x.headerSum(s)):
		return finding{fail, "the header is not the one that was signed, or the key is another"}
	}
	return finding{pass, ""}
}

// bodyForm is a form in which a body is signed.
type bodyForm struct {
	relaxed bool
	length  int64 // bytes of it; negative for all
}

// bodyHash is the hash of a body in one form.
type bodyHash struct {
	sum   [sha256.Size]byte
	short bool // the body is shorter than the form
}

// bodyHash gives the hash in a form. It is made once: the signatures of one mail are mostly over the same form, and bodies are large.
func (x *message) bodyHash(form bodyForm) bodyHash {
	h, known := x.sums[form]
	if !known {
		h.sum, h.short = bodySum(x.body, form.relaxed, form.length)
		x.sums[form] = h
	}
	return h
}

// made tells whether the key made a signature over a hash.
func (k *domainKey) made(signature []byte, sum [sha256.Size]byte) bool {
	if k.rsa != nil {
		return rsa.VerifyPKCS1v15(k.rsa, crypto.SHA256, sum[:], signature) == nil
	}
	return ed25519.Verify(k.ed25519, sum[:], signature)
}

// headerSum is the SHA-256 of the fields that a signature names: of those with the same name the last one first. A name that is there
// more often than fields stands for none: such a one must not be added.
func (x *message) headerSum(s *signature) [sha256.Size]byte {
	behind := make(map[string]int) // where to look for the next one of a name
	var b []byte
	for _, name := range s.names {
		i, again := behind[name]
		if !again {
			i = len(x.fields)
		}
		for i--; i >= 0 && x.fields[i].name != name; i-- {
		}
		behind[name] = max(i, 0)
		if i >= 0 {
			b = appendField(b, &x.fields[i], x.fields[i].raw, s.relaxedHeader)
		}
	}
	b = appendField(b, s.field, withoutSignature(s.field.raw), s.relaxedHeader)
	return sha256.Sum256(bytes.TrimSuffix(b, []byte("\r\n")))
}
