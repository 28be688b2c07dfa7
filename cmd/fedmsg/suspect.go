package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math"
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// suspect is a signer whose messages are looked for: those that were verified as signed by it, and those that carry a
// signature with its key or certificate, whatever was found of them. It belongs to one goroutine.
type suspect struct {
	root string // empty: any
	name string // what a certificate calls it, a fingerprint, the id of a key, or a root
	hex  bool   // the name is a fingerprint or id: upper and lower case are the same
	wire wire.Decoder
	seen map[string]bool // by the bytes of a certificate, whether it is the suspect's
}

// maxSeen bounds how many certificates are remembered: whoever sends each message with another one costs time, not memory.
const maxSeen = 4096

// newSuspect makes the suspect of a name: ROOT, ROOT/NAME, NAME or the id of a key.
func newSuspect(signer string) *suspect {
	root, name, ok := strings.Cut(signer, "/")
	if !ok {
		root, name = "", signer
	}
	_, err := hex.DecodeString(name)
	limits := fedmsg.DefaultLimits()
	limits.Envelope, limits.Body, limits.Depth = math.MaxInt32, math.MaxInt32, 10_000 // the node that stored it had others
	return &suspect{root: root, name: name, hex: err == nil && len(name) >= 16, wire: wire.Decoder{Limits: limits}, seen: map[string]bool{}}
}

// signed reports whether the suspect has to do with the entry.
func (s *suspect) signed(e *fedmsg.Entry) bool {
	return s.named(e.Signer) || s.detached(e.Signatures) || s.embedded(e.Envelope)
}

// named reports whether an entry's signer is the suspect: that name, all names of a root, or a name of any root.
func (s *suspect) named(signer string) bool {
	root, name, _ := strings.Cut(signer, "/")
	if s.root != "" {
		return root == s.root && s.is(name)
	}
	return root == s.name || s.is(name)
}

// is reports whether a name or id is the suspect's.
func (s *suspect) is(name string) bool {
	return name == s.name || s.hex && strings.EqualFold(name, s.name)
}

// detached looks into the detached signatures of an entry.
func (s *suspect) detached(signatures []byte) bool {
	if len(signatures) == 0 || !s.hex && !bytes.Contains(signatures, []byte(s.name)) && !s.mentions(signatures, `"cert"`) && !escaped(signatures) {
		return false
	}
	list, err := wire.DecodeSignatures(signatures)
	if err != nil {
		return bytes.Contains(signatures, []byte(s.name)) // rather one too many
	}
	return slices.ContainsFunc(list, func(g wire.Signature) bool {
		return s.is(g.KeyID) || g.Certificate != nil && s.owns(g.Certificate)
	})
}

// embedded looks at the certificate of the old form in an envelope.
func (s *suspect) embedded(envelope []byte) bool {
	if !escaped(envelope) && !s.mentions(envelope, `"certificate"`) {
		return false
	}
	e, err := s.wire.Envelope(envelope, wire.Old)
	return err == nil && s.certificate(e.Certificate)
}

// escaped reports whether keys in the JSON text may be written in another way than they read.
func escaped(text []byte) bool { return bytes.Contains(text, []byte(`\u00`)) }

// mentions reports whether a certificate of the suspect stands behind the key anywhere in the JSON text. This is what makes
// looking at millions of entries fast: hardly any of them is decoded.
func (s *suspect) mentions(text []byte, key string) bool {
	for {
		_, rest, found := bytes.Cut(text, []byte(key))
		if !found {
			return false
		}
		text = rest
		value := bytes.TrimLeft(rest, " \t:")
		if len(value) == 0 || value[0] != '"' {
			continue
		}
		if end := bytes.IndexByte(value[1:], '"'); end >= 0 && s.certificate(value[:end+2]) {
			return true
		}
	}
}

// certificate reports whether a JSON string is a certificate of the suspect: base64 of PEM, as the old form has it, or of DER.
func (s *suspect) certificate(text []byte) bool {
	if text == nil {
		return false
	}
	return s.once(text, func() bool {
		var base string
		if json.Unmarshal(text, &base) != nil {
			return false
		}
		data, _ := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(base), ""))
		if block, _ := pem.Decode(data); block != nil {
			data = block.Bytes
		}
		return s.owns(data)
	})
}

// owns reports whether a certificate, in DER, names the suspect or is of its key.
func (s *suspect) owns(der []byte) bool {
	return s.once(der, func() bool {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return false
		}
		id := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
		commonName := asn1.ObjectIdentifier{2, 5, 4, 3}
		return s.is(hex.EncodeToString(id[:])) || slices.ContainsFunc(cert.Subject.Names, func(n pkix.AttributeTypeAndValue) bool {
			return n.Type.Equal(commonName) && n.Value == s.name
		})
	})
}

// once gives what look says of a certificate, and asks it again only of another one.
func (s *suspect) once(certificate []byte, look func() bool) bool {
	is, known := s.seen[string(certificate)]
	if !known {
		is = look()
		if len(s.seen) >= maxSeen {
			clear(s.seen)
		}
		s.seen[string(certificate)] = is
	}
	return is
}
