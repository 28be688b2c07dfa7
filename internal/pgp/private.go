package pgp

import (
	"bytes"
	"crypto"
	"fmt"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
)

// Private is a key to sign with. It prints as its fingerprint alone. It is safe for concurrent use.
type Private struct {
	key   *key
	parts []*part // that can sign, the one to prefer first
}

// ReadPrivate reads an unencrypted secret key, armored or binary, from a file that only its owner can read. The file holds one
// key; its newest subkey that signs is preferred to the primary key, as gpg does.
func ReadPrivate(path string) (*Private, error) {
	data, err := keys.ReadPrivateFile(path)
	if err != nil {
		return nil, err
	}
	k, err := parsePrivate(data)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot use the OpenPGP key in %s", path)
	}
	return k, nil
}

// parsePrivate is ReadPrivate behind the file.
func parsePrivate(data []byte) (*Private, error) {
	packets, err := readPackets(data, "PGP PRIVATE KEY BLOCK")
	if err != nil {
		return nil, err
	}
	a := assembler{ring: &Keyring{}, secret: true}
	for _, p := range packets {
		if err := a.add(p); err != nil {
			return nil, err
		}
	}
	if n := len(a.ring.Fingerprints()); n != 1 {
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the file must hold exactly one RSA or Ed25519 secret key that vouches for itself, not %d; gpg --export-secret-keys FINGERPRINT writes it", n)
	}
	return newPrivate(a.ring.keys[slices.IndexFunc(a.ring.keys, func(k *key) bool { return k.fault == "" && len(k.selfs) > 0 })])
}

// newPrivate finds the parts of a key that can sign.
func newPrivate(k *key) (*Private, error) {
	p, encrypted := &Private{key: k}, false
	for _, part := range append(slices.Clone(k.subkeys), &k.part) {
		switch {
		case part.fault != "" || len(part.selfs) == 0 || !part.signs(true) || part.secret.Dummy():
		case part.secret.Encrypted:
			encrypted = true
		default:
			p.parts = append(p.parts, part)
		}
	}
	slices.SortStableFunc(p.parts, func(a, b *part) int {
		if a.public.IsSubkey != b.public.IsSubkey {
			if a.public.IsSubkey {
				return -1
			}
			return 1
		}
		return b.public.CreationTime.Compare(a.public.CreationTime)
	})
	switch {
	case len(p.parts) > 0:
		return p, nil
	case encrypted:
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the OpenPGP key is protected by a passphrase, which nobody could type; take it away with gpg --passwd, export the key again, and keep the file to its owner")
	}
	return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the OpenPGP key has no secret part that may sign")
}

// Fingerprint is that of the primary key, in upper-case hex.
func (p *Private) Fingerprint() string { return p.key.fingerprint }

// Format prints the fingerprint whatever the verb.
func (p *Private) Format(f fmt.State, _ rune) { fmt.Fprint(f, p.Fingerprint()) }

// Sign makes a detached binary signature, over SHA-256, that gpg 2.2 reads. A key that is revoked or expired signs nothing:
// the error has the code that its signature would be refused with.
func (p *Private) Sign(message []byte, now time.Time) ([]byte, error) {
	part, err := p.valid(now)
	if err != nil {
		return nil, err
	}
	id := part.public.KeyId
	s := &packet.Signature{
		Version: 4, SigType: packet.SigTypeBinary, PubKeyAlgo: part.public.PubKeyAlgo, Hash: crypto.SHA256,
		CreationTime: now, IssuerKeyId: &id,
	}
	config := &packet.Config{NonDeterministicSignaturesViaNotation: packet.BoolPointer(false)}
	hash, err := s.PrepareSign(config)
	if err == nil {
		hash.Write(message)
		err = s.Sign(hash, part.secret, config)
	}
	var out bytes.Buffer
	if err == nil {
		err = s.Serialize(&out)
	}
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeInternal, err, "cannot sign with the OpenPGP key %s", p.Fingerprint())
	}
	return out.Bytes(), nil
}

// valid gives the part to sign with now.
func (p *Private) valid(now time.Time) (*part, error) {
	err := p.key.check(now, now, true)
	if err != nil {
		return nil, err
	}
	for _, part := range p.parts {
		if e := part.check(now, now, true); e == nil {
			return part, nil
		} else if err == nil {
			err = e
		}
	}
	return nil, err
}
