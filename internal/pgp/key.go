package pgp

import (
	"crypto"
	"crypto/rsa"
	"encoding/hex"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/eddsa"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/federated-messaging/fedmsg"
)

// key is a primary key and what it said of itself and its subkeys. Every signature in it was verified.
type key struct {
	part
	fingerprint string
	subkeys     []*part
}

// part is a primary key or a subkey.
type part struct {
	public      *packet.PublicKey
	secret      *packet.PrivateKey  // nil in keyrings
	fault       string              // why nothing that it signs is taken; such a part has no signatures
	selfs       []*packet.Signature // what the primary key says of it; the newest counts
	revocations []*packet.Signature
}

// newPart takes a key packet's content. It has a fault when it is not of a kind that is taken.
func newPart(public *packet.PublicKey) part {
	p := part{public: public}
	switch k := public.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < 1024 || bits > 8192 || k.N.Bit(0) == 0 || k.E < 3 || k.E&1 == 0 {
			p.fault = "is an RSA key of a size or exponent that is not taken"
		}
	case *eddsa.PublicKey:
		if k.GetCurve().GetCurveName() != "ed25519" {
			p.fault = "is on another curve than Ed25519"
		}
	default:
		p.fault = "is neither RSA nor Ed25519"
	}
	return p
}

// fingerprint writes a fingerprint as it is written everywhere.
func fingerprint(p *packet.PublicKey) string {
	return strings.ToUpper(hex.EncodeToString(p.Fingerprint))
}

// short reports whether the key is so short that only legacy roots take it.
func (p *part) short() bool {
	k, ok := p.public.PublicKey.(*rsa.PublicKey)
	return ok && k.N.BitLen() < 2048
}

// self is the newest signature that says what the part may do and how long. It is nil when there is none that counts.
func (p *part) self(legacy bool) *packet.Signature {
	var newest *packet.Signature
	for _, s := range p.selfs {
		if !legacy && (weak(s) || s.EmbeddedSignature != nil && weak(s.EmbeddedSignature)) {
			continue
		}
		if newest == nil || s.CreationTime.After(newest.CreationTime) {
			newest = s
		}
	}
	return newest
}

// check refuses a part that is too weak, or was revoked or not valid at the time at. made is when the signature was made
// that is judged.
func (p *part) check(made, at time.Time, legacy bool) error {
	name := fingerprint(p.public)
	self := p.self(legacy)
	switch {
	// verification: openpgp-key-kind
	case p.fault != "":
		return fedmsg.Errorf(fedmsg.CodeWeakSignature, "the OpenPGP key %s %s", name, p.fault)
	// verification: openpgp-short-key
	case !legacy && p.short():
		return fedmsg.Errorf(fedmsg.CodeWeakSignature, "the OpenPGP key %s has less than 2048 bits", name)
	// verification: openpgp-key-binding
	case self == nil:
		return fedmsg.Errorf(fedmsg.CodeWeakSignature, "the OpenPGP key %s vouches for itself with SHA-1 alone", name)
	}
	for _, r := range p.revocations {
		// verification: openpgp-compromised
		if compromised := r.RevocationReason != nil && *r.RevocationReason == packet.KeyCompromised; compromised {
			return fedmsg.Errorf(fedmsg.CodeRevoked, "the OpenPGP key %s was revoked as compromised, which counts for all times", name)
		}
		// verification: openpgp-revoked
		if !r.CreationTime.After(at) {
			return fedmsg.Errorf(fedmsg.CodeRevoked, "the OpenPGP key %s was revoked at %s", name, show(r.CreationTime))
		}
	}
	// verification: openpgp-before-key
	if made.Before(p.public.CreationTime) {
		return fedmsg.Errorf(fedmsg.CodeExpired, "the OpenPGP key %s was made at %s, later than what it signed at %s", name, show(p.public.CreationTime), show(made))
	}
	// verification: openpgp-key-lifetime
	if end, ok := after(p.public.CreationTime, self.KeyLifetimeSecs); ok && at.After(end) {
		return fedmsg.Errorf(fedmsg.CodeExpired, "the OpenPGP key %s was valid until %s", name, show(end))
	}
	// verification: openpgp-self-lifetime
	if end, ok := after(self.CreationTime, self.SigLifetimeSecs); ok && at.After(end) {
		return fedmsg.Errorf(fedmsg.CodeExpired, "what vouches for the OpenPGP key %s was valid until %s", name, show(end))
	}
	return nil
}

// signs reports whether the part may sign messages. A primary key of old has no word on it, and may.
func (p *part) signs(legacy bool) bool {
	self := p.self(legacy)
	return self == nil || self.FlagSign || !self.FlagsValid && !p.public.IsSubkey
}

// weak reports whether a signature is made over a hash that only legacy roots take. Worse ones are never parsed.
func weak(s *packet.Signature) bool { return s.Hash == crypto.SHA1 }

// after is the end of a lifetime; zero seconds or none are for ever.
func after(start time.Time, seconds *uint32) (time.Time, bool) {
	if seconds == nil || *seconds == 0 {
		return time.Time{}, false
	}
	return start.Add(time.Duration(*seconds) * time.Second), true
}

func show(t time.Time) string { return t.UTC().Format(time.RFC3339) }
