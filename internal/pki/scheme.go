package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
)

// scheme is how a certificate or list is signed, as its algorithm identifier says.
type scheme struct {
	kind schemeKind
	hash crypto.Hash
	salt int // of PSS
}

type schemeKind int

const (
	unknownScheme schemeKind = iota
	pkcs1
	pss
	ecDSA
	edDSA
)

// weak reports whether only a legacy root takes it.
func (s scheme) weak() bool { return s.hash == crypto.SHA1 }

// schemeTable is the schemes that have no parameters but their name. MD5 and MD2 are not here, nor is ECDSA with SHA-1, which
// the old bus never had.
func schemeTable(oid string) scheme {
	switch oid {
	case "1.2.840.113549.1.1.5", "1.3.14.3.2.29":
		return scheme{kind: pkcs1, hash: crypto.SHA1}
	case "1.2.840.113549.1.1.11":
		return scheme{kind: pkcs1, hash: crypto.SHA256}
	case "1.2.840.113549.1.1.12":
		return scheme{kind: pkcs1, hash: crypto.SHA384}
	case "1.2.840.113549.1.1.13":
		return scheme{kind: pkcs1, hash: crypto.SHA512}
	case "1.2.840.10045.4.3.2":
		return scheme{kind: ecDSA, hash: crypto.SHA256}
	case "1.2.840.10045.4.3.3":
		return scheme{kind: ecDSA, hash: crypto.SHA384}
	case "1.2.840.10045.4.3.4":
		return scheme{kind: ecDSA, hash: crypto.SHA512}
	case "1.3.101.112":
		return scheme{kind: edDSA}
	}
	return scheme{}
}

// parseScheme reads an algorithm identifier. The zero scheme is of one that is not taken here.
func parseScheme(data []byte) scheme {
	var id pkix.AlgorithmIdentifier
	if rest, err := asn1.Unmarshal(data, &id); err != nil || len(rest) > 0 {
		return scheme{}
	}
	if id.Algorithm.String() == "1.2.840.113549.1.1.10" {
		return parsePSS(id.Parameters.FullBytes)
	}
	s := schemeTable(id.Algorithm.String())
	none := len(id.Parameters.FullBytes) == 0
	if null := s.kind == pkcs1 && id.Parameters.Tag == asn1.TagNull && len(id.Parameters.Bytes) == 0; !none && !null {
		return scheme{}
	}
	return s
}

// pssParameters is RSASSA-PSS-params of RFC 4055. Every default there is SHA-1, which is not taken.
type pssParameters struct {
	Hash    pkix.AlgorithmIdentifier `asn1:"explicit,tag:0"`
	MGF     pkix.AlgorithmIdentifier `asn1:"explicit,tag:1"`
	Salt    int                      `asn1:"explicit,tag:2"`
	Trailer int                      `asn1:"optional,explicit,tag:3,default:1"`
}

func parsePSS(data []byte) scheme {
	var p pssParameters
	if rest, err := asn1.Unmarshal(data, &p); err != nil || len(rest) > 0 || p.Trailer != 1 {
		return scheme{}
	}
	var mask pkix.AlgorithmIdentifier
	if rest, err := asn1.Unmarshal(p.MGF.Parameters.FullBytes, &mask); err != nil || len(rest) > 0 {
		return scheme{}
	}
	hash, known := map[string]crypto.Hash{
		"2.16.840.1.101.3.4.2.1": crypto.SHA256, "2.16.840.1.101.3.4.2.2": crypto.SHA384, "2.16.840.1.101.3.4.2.3": crypto.SHA512,
	}[p.Hash.Algorithm.String()]
	// A salt of 0 would mean to the standard library that any will do.
	if !known || p.MGF.Algorithm.String() != "1.2.840.113549.1.1.8" || !mask.Algorithm.Equal(p.Hash.Algorithm) || p.Salt < 1 {
		return scheme{}
	}
	return scheme{kind: pss, hash: hash, salt: p.Salt}
}

// digest is the hash of the message, nil where the scheme takes the message itself.
func (s scheme) digest(message []byte) []byte {
	switch s.hash {
	case crypto.SHA1:
		sum := sha1.Sum(message)
		return sum[:]
	case crypto.SHA256:
		sum := sha256.Sum256(message)
		return sum[:]
	case crypto.SHA384:
		sum := sha512.Sum384(message)
		return sum[:]
	case crypto.SHA512:
		sum := sha512.Sum512(message)
		return sum[:]
	}
	return nil
}

// verify reports whether the signature is the key's, made in this way. A key of another kind than the scheme's says no.
func (s scheme) verify(key crypto.PublicKey, message, signature []byte) bool {
	digest := s.digest(message)
	switch key := key.(type) {
	case *rsa.PublicKey:
		switch s.kind {
		case pkcs1:
			return rsa.VerifyPKCS1v15(key, s.hash, digest, signature) == nil
		case pss:
			return rsa.VerifyPSS(key, s.hash, digest, signature, &rsa.PSSOptions{SaltLength: s.salt}) == nil
		}
	case *ecdsa.PublicKey:
		known := key.Curve == elliptic.P256() || key.Curve == elliptic.P384()
		return s.kind == ecDSA && known && ecdsa.VerifyASN1(key, digest, signature)
	case ed25519.PublicKey:
		return s.kind == edDSA && ed25519.Verify(key, message, signature)
	}
	return false
}
