package trust

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" // the old form is signed over this digest and no other
	"encoding/pem"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/wire"
)

// embedded judges the old signature inside the envelope.
func (j *judgement) embedded() finding {
	if j.e.Signature == nil {
		return malformed("the message has crypto or a certificate, but no signature; sign it, or send it with none of them")
	}
	switch string(j.e.Crypto) {
	case `"x509"`:
		return j.x509()
	case `"gpg"`:
		return j.gpg()
	case "": // before 0.8 nothing said which form it is
		if j.e.Certificate != nil {
			return j.x509()
		}
		return malformed("the message has a signature, but neither crypto nor a certificate to tell its form")
	}
	return malformed(`crypto of the message is %q; the forms are "x509" and "gpg"`, clip(string(j.e.Crypto)))
}

// x509 judges the old form with a certificate: RSA, PKCS #1 v1.5, over the SHA-1 of the envelope's canonical form.
func (j *judgement) x509() finding {
	if j.e.Certificate == nil {
		return malformed("the message is signed in the form x509, but has no certificate")
	}
	c, err := j.byMember(j.e.Certificate)
	if err != nil {
		return finding{err: err, unknown: fedmsg.CodeOf(err) == fedmsg.CodeUnknownSigner}
	}
	claimed := c.speakers[0].signer
	if c.rsa == nil {
		f := malformed("the certificate of %q has no RSA key, and the form x509 knows no other; sign in the form dsse", clip(c.leaf.Name))
		f.signer = claimed
		return f
	}
	sig, err := binary("signature", j.e.Signature)
	if err != nil {
		return finding{signer: claimed, err: err}
	}
	right, err := j.signed(c.rsa, sig)
	if err != nil {
		return finding{signer: claimed, err: err}
	}
	// verification: embedded-signature (TestValidationOutcomes)
	if !right {
		return finding{signer: claimed, err: badSignature(claimed, j.e.Topic)}
	}
	return j.allow(j.speakers(c), fedmsg.VerdictOK)
}

// signed reports whether a key signed the envelope, as it stands or as it was before the old archive had it.
func (j *judgement) signed(key *rsa.PublicKey, sig []byte) (bool, error) {
	buffer := scratch.Get().(*[]byte)
	defer scratch.Put(buffer)
	var err error
	if *buffer, err = wire.AppendSigned((*buffer)[:0], j.e.Bytes); err != nil {
		return false, err
	}
	if right := signedBy(key, *buffer, sig); right || !j.archived {
		return right, nil
	}
	var undone bool
	*buffer, undone, err = wire.AppendArchived((*buffer)[:0], j.e.Bytes)
	if err != nil || !undone {
		return false, err
	}
	return signedBy(key, *buffer, sig), nil
}

func signedBy(key *rsa.PublicKey, signed, sig []byte) bool {
	digest := sha1.Sum(signed)
	return rsa.VerifyPKCS1v15(key, crypto.SHA1, digest[:], sig) == nil
}

// byMember finds the certificate of an envelope by its certificate member, which is the same bytes in all messages of a sender.
func (j *judgement) byMember(member []byte) (*certificate, error) {
	if c := j.members.get(member); c != nil {
		return c, nil
	}
	text, err := binary("certificate", member)
	if err != nil {
		return nil, err
	}
	der, err := firstPEM(text)
	if err != nil {
		return nil, err
	}
	c, err := j.issued(der)
	if err != nil {
		return nil, err
	}
	j.members.put(member, c)
	return c, nil
}

// firstPEM gives the first certificate of a PEM text. More of them may follow, which count for nothing; nothing else may.
func firstPEM(text []byte) ([]byte, error) {
	const begin = "-----BEGIN CERTIFICATE-----"
	rest := bytes.TrimSpace(text)
	var first *pem.Block
	for len(rest) > 0 {
		block, after := pem.Decode(rest)
		// A block that cannot be read is passed over by pem.Decode, as is text between blocks. Both would make another
		// certificate the first one than other readers see.
		read := rest[:len(rest)-len(after)]
		if block == nil {
			return nil, notPEM()
		}
		// verification: one-certificate (TestEmbeddedForms)
		if !bytes.HasPrefix(read, []byte(begin)) || bytes.Count(read, []byte("-----BEGIN")) != 1 || len(block.Headers) > 0 {
			return nil, notPEM()
		}
		if first == nil {
			first = block
		}
		rest = bytes.TrimSpace(after)
	}
	if first == nil {
		return nil, malformed("certificate of the message is empty").err
	}
	return first.Bytes, nil
}

func notPEM() error {
	return malformed("certificate of the message is not base64 of PEM text that holds a certificate and nothing else").err
}
