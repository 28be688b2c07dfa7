package pgp

import (
	"bytes"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/federated-messaging/fedmsg"
)

// clockError is how much later than the time of judgement a signature may say that it was made.
const clockError = 24 * time.Hour

// Verify checks a detached binary signature over message as of a time, and gives the fingerprint of the primary key it was made
// under, in upper-case hex. Errors have CodeMalformedSignature (not a signature, or not exactly one), CodeUnknownSigner,
// CodeBadSignature, CodeWeakSignature, CodeExpired or CodeRevoked; of all but the first two kinds the fingerprint is given too.
//
// As of a time means: a key that was revoked as compromised never counts, one that was revoked for another reason, or for
// none, counts until then; the newest word of the owner on when the key ends is taken for all times. A signature that says it was
// made before its key, or over a day later than the time of judgement, has CodeExpired.
func (k *Keyring) Verify(message, sig []byte, at time.Time, legacy bool) (fingerprint string, err error) {
	s, h, err := parseSignature(sig, false)
	if err != nil {
		return "", err
	}
	return k.verify(s, h, message, at, legacy)
}

// verify looks for the key of a signature and judges it.
func (k *Keyring) verify(s *packet.Signature, h head, message []byte, at time.Time, legacy bool) (fingerprint string, err error) {
	err = fedmsg.Errorf(fedmsg.CodeUnknownSigner, "no key of the keyring made the OpenPGP signature")
	for _, key := range k.keys {
		for _, p := range append([]*part{&key.part}, key.subkeys...) {
			if !s.CheckKeyIdOrFingerprint(p.public) || p.fault == "" && len(p.selfs) == 0 {
				continue
			}
			if err = key.verify(p, s, h, message, at, legacy); err == nil {
				return key.fingerprint, nil
			}
			if fedmsg.CodeOf(err) != fedmsg.CodeUnknownSigner {
				fingerprint = key.fingerprint
			}
		}
	}
	return fingerprint, err
}

// parseSignature reads exactly one signature, which is not armored, over bytes, or over a text where that is allowed. Where its hash is
// one of those that are never taken, it is parsed as if it had another, so that its maker can be named; see verify.
func parseSignature(data []byte, textToo bool) (*packet.Signature, head, error) {
	malformed := func(text string) (*packet.Signature, head, error) {
		return nil, head{}, fedmsg.Errorf(fedmsg.CodeMalformedSignature, "the OpenPGP signature %s", text)
	}
	if len(data) > maxSignature {
		return malformed("is too long")
	}
	if bytes.HasPrefix(data, []byte("-----BEGIN PGP")) {
		return malformed("is armored; it must be binary, as gpg --detach-sign makes it without --armor")
	}
	packets, err := split(bytes.Clone(data))
	// verification: openpgp-one-signature
	if err != nil || len(packets) != 1 || packets[0].tag != tagSignature {
		return malformed("is not exactly one signature packet")
	}
	p := packets[0]
	h, ok := signatureHead(p.body)
	numbers := map[packet.PublicKeyAlgorithm]int{
		packet.PubKeyAlgoRSA: 1, packet.PubKeyAlgoRSASignOnly: 1,
		packet.PubKeyAlgoDSA: 2, packet.PubKeyAlgoECDSA: 2, packet.PubKeyAlgoEdDSA: 2,
	}[packet.PublicKeyAlgorithm(h.algorithm)]
	switch {
	case !ok || h.version != 4:
		return malformed("is not of version 4")
	// verification: openpgp-signature-kind
	case h.kind != byte(packet.SigTypeBinary) && !(textToo && h.kind == byte(packet.SigTypeText)):
		return malformed("is not one over data of this kind")
	case numbers == 0:
		return malformed("is neither RSA nor EdDSA")
	// verification: openpgp-trailing-data
	case !exact(p.body, numbers):
		return malformed("does not end where it says")
	}
	if broken(h) {
		p.body[3] = hashSHA256
	}
	parsed, err := packet.Read(bytes.NewReader(p.whole))
	s, ok := parsed.(*packet.Signature)
	if err != nil || !ok || !s.Hash.Available() {
		return malformed("cannot be understood")
	}
	return s, h, nil
}

// broken reports whether a signature's hash is one that nobody takes.
func broken(h head) bool { return h.hash == hashMD5 || h.hash == hashRIPEMD }

// verify judges a signature that says it is by the part p of the key.
func (k *key) verify(p *part, s *packet.Signature, h head, message []byte, at time.Time, legacy bool) error {
	switch {
	// verification: openpgp-broken-hash
	case broken(h):
		return fedmsg.Errorf(fedmsg.CodeWeakSignature, "the OpenPGP signature is made over MD5 or RIPEMD-160")
	// verification: openpgp-weak-hash
	case !legacy && weak(s):
		return fedmsg.Errorf(fedmsg.CodeWeakSignature, "the OpenPGP signature is made over SHA-1; only a root with legacy = true takes that")
	case k.fault != "" || p.fault != "":
		return p.check(s.CreationTime, at, legacy)
	// verification: openpgp-key-may-sign
	case !p.signs(legacy):
		return fedmsg.Errorf(fedmsg.CodeUnknownSigner, "the OpenPGP key %s is not for signing", fingerprint(p.public))
	}
	hash, err := s.PrepareVerify()
	if err != nil {
		return fedmsg.WrapError(fedmsg.CodeMalformedSignature, err, "the OpenPGP signature cannot be checked")
	}
	hash.Write(message)
	// verification: openpgp-bytes
	if err := p.public.VerifySignature(hash, s); err != nil {
		return fedmsg.Errorf(fedmsg.CodeBadSignature, "the OpenPGP signature of %s is not over these bytes", fingerprint(p.public))
	}
	// verification: openpgp-from-future
	if latest := at.Add(clockError); s.CreationTime.After(latest) {
		return fedmsg.Errorf(fedmsg.CodeExpired, "the OpenPGP signature says that it was made at %s, which is later than the time as of which it is judged, %s", show(s.CreationTime), show(at))
	}
	// verification: openpgp-signature-lifetime
	if end, ok := after(s.CreationTime, s.SigLifetimeSecs); ok && at.After(end) {
		return fedmsg.Errorf(fedmsg.CodeExpired, "the OpenPGP signature was valid until %s", show(end))
	}
	for _, part := range slices.Compact([]*part{&k.part, p}) {
		// verification: openpgp-key
		if err := part.check(s.CreationTime, at, legacy); err != nil {
			return err
		}
	}
	return nil
}
