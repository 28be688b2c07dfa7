package pgp

import (
	"bytes"
	"slices"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/federated-messaging/fedmsg"
)

// The kinds of signatures on keys.
const (
	kindGenericCert   = 0x10
	kindPositiveCert  = 0x13
	kindSubkeyBinding = 0x18
	kindDirect        = 0x1f
	kindKeyRevoked    = 0x20
	kindSubkeyRevoked = 0x28
)

// assembler makes keys of packets. What cannot be used is passed over, except for revocations.
type assembler struct {
	ring   *Keyring
	secret bool  // the packets are of secret keys
	key    *key  // nil while the packets of a key are passed over
	sub    *part // the subkey whose signatures come
	userID *packet.UserId
}

// add takes the next packet.
func (a *assembler) add(p raw) error {
	switch p.tag {
	case tagSecretKey, tagSecretSubkey:
		if !a.secret {
			return fedmsg.Errorf(fedmsg.CodeConfig, "the OpenPGP keyring holds a secret key; it is for public keys: gpg --export")
		}
		a.addKey(p)
	case tagPublicKey, tagPublicSubkey:
		if a.secret {
			return fedmsg.Errorf(fedmsg.CodeConfig, "the file holds an OpenPGP public key where a secret one is needed: gpg --export-secret-keys")
		}
		a.addKey(p)
	case tagUserID:
		a.sub = nil
		a.userID = &packet.UserId{Id: string(p.body)}
	case tagUserAttribute: // a picture; its signatures are passed over
		a.sub, a.userID = nil, nil
	case tagSignature:
		return a.addSignature(p)
	case tagMarker, tagTrust, tagPadding:
	default:
		if p.tag < tagPrivate {
			return fedmsg.Errorf(fedmsg.CodeConfig, "the file is not OpenPGP keys: it holds packets of type %d", p.tag)
		}
	}
	return nil
}

// addKey begins a key or subkey.
func (a *assembler) addKey(p raw) {
	sub := p.tag == tagSecretSubkey || p.tag == tagPublicSubkey
	a.sub, a.userID = nil, nil
	if !sub {
		a.key = nil
	} else if a.key == nil {
		return
	}
	public, secret := parseKey(p)
	if public == nil || public.Version != 4 {
		return
	}
	next := newPart(public)
	next.secret = secret
	if !sub {
		a.key = a.ring.keyOf(next)
		return
	}
	if !public.PubKeyAlgo.CanSign() {
		return
	}
	same := func(s *part) bool { return bytes.Equal(s.public.Fingerprint, public.Fingerprint) }
	if i := slices.IndexFunc(a.key.subkeys, same); i >= 0 {
		a.sub = a.key.subkeys[i]
		return
	}
	a.sub = &next
	a.key.subkeys = append(a.key.subkeys, a.sub)
}

// keyOf gives the key of the ring that p is, which is a new one unless it stands there already.
func (k *Keyring) keyOf(p part) *key {
	name := fingerprint(p.public)
	for _, key := range k.keys {
		if key.fingerprint == name {
			return key
		}
	}
	key := &key{part: p, fingerprint: name}
	k.keys = append(k.keys, key)
	return key
}

// parseKey parses a key packet; nil if the library does not know it.
func parseKey(p raw) (*packet.PublicKey, *packet.PrivateKey) {
	parsed, err := packet.Read(bytes.NewReader(p.whole))
	if err != nil {
		return nil, nil
	}
	switch k := parsed.(type) {
	case *packet.PublicKey:
		return k, nil
	case *packet.PrivateKey:
		return &k.PublicKey, k
	}
	return nil, nil
}

// addSignature takes a signature on the key or subkey before it, when the primary key made it.
func (a *assembler) addSignature(p raw) error {
	if a.key == nil || a.key.fault != "" {
		return nil
	}
	h, ok := signatureHead(p.body)
	revokes := ok && (h.kind == kindKeyRevoked || h.kind == kindSubkeyRevoked)
	if revokes && h.kind == kindSubkeyRevoked && a.sub == nil {
		return nil // of a subkey that cannot sign
	}
	s := a.made(p, h)
	switch {
	case revokes && s == nil:
		return fedmsg.Errorf(fedmsg.CodeConfig, "the OpenPGP keyring holds a revocation of the key %s that cannot be checked; take the key out, or import it with gpg and export it again", a.key.fingerprint)
	case s == nil:
	case h.kind == kindKeyRevoked:
		a.key.revocations = append(a.key.revocations, s)
	case h.kind == kindSubkeyRevoked:
		a.sub.revocations = append(a.sub.revocations, s)
	case h.kind == kindSubkeyBinding:
		a.sub.selfs = append(a.sub.selfs, s)
	default:
		a.key.selfs = append(a.key.selfs, s)
	}
	return nil
}

// made parses a signature on a key and verifies that the primary key made it over what it stands behind; else it gives nil.
func (a *assembler) made(p raw, h head) *packet.Signature {
	if h.version != 4 || h.hash == hashMD5 || h.hash == hashRIPEMD {
		return nil
	}
	parsed, err := packet.Read(bytes.NewReader(p.whole))
	s, ok := parsed.(*packet.Signature)
	if err != nil || !ok || !s.CheckKeyIdOrFingerprint(a.key.public) || !s.Hash.Available() {
		return nil
	}
	primary := a.key.public
	switch {
	case h.kind == kindKeyRevoked:
		err = primary.VerifyRevocationSignature(s)
	case h.kind == kindDirect:
		err = primary.VerifyDirectKeySignature(s)
	case h.kind == kindSubkeyRevoked:
		err = primary.VerifySubkeyRevocationSignature(s, a.sub.public)
	case h.kind == kindSubkeyBinding && a.sub != nil && a.sub.fault == "":
		err = primary.VerifyKeySignature(a.sub.public, s) // with the counter-signature of keys that sign
	case h.kind >= kindGenericCert && h.kind <= kindPositiveCert && a.userID != nil:
		err = primary.VerifyUserIdSignature(a.userID.Id, primary, s)
	default:
		return nil
	}
	// verification: openpgp-key-signatures
	if err != nil {
		return nil
	}
	return s
}
