package keys

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"strings"

	"github.com/federated-messaging/fedmsg"
)

// The names of PEM blocks.
const (
	publicBlock  = "PUBLIC KEY"
	privateBlock = "PRIVATE KEY"
	ecBlock      = "EC PRIVATE KEY"
	rsaBlock     = "RSA PRIVATE KEY"
)

// maxBlocks bounds the PEM blocks of one file.
const maxBlocks = 1000

// ParsePublic reads the public keys of a PEM file, one or more, each "PUBLIC KEY" (RFC 5280 SubjectPublicKeyInfo). The error
// has CodeConfig and names no file.
func ParsePublic(text []byte) ([]Public, error) {
	blocks, err := split(text)
	if err != nil {
		return nil, err
	}
	var all []Public
	for i, b := range blocks {
		switch {
		case strings.HasSuffix(b.Type, privateBlock):
			return nil, configError("there is a private key in it, where anybody may read; replace that key, and write down the public one: openssl pkey -pubout")
		case b.Type != publicBlock:
			return nil, configError("it holds a block %q where a PUBLIC KEY is expected; openssl x509 -pubkey -noout gives that of a certificate", clip(b.Type))
		}
		key, err := x509.ParsePKIXPublicKey(b.Bytes)
		if err != nil {
			return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "public key %d cannot be read", i+1)
		}
		p, err := NewPublic(key)
		if err != nil {
			_, why := fedmsg.Public(err)
			return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "public key %d cannot be used: %s", i+1, why)
		}
		all = append(all, p)
	}
	return all, nil
}

// ParsePrivate reads the one private key of a PEM text: PKCS #8, or the older forms of EC and RSA keys. Certificates and
// curve parameters beside it are passed over, and encrypted keys refused by name. The error has CodeConfig and names no file.
func ParsePrivate(text []byte) (*Private, error) {
	blocks, err := split(text)
	if err != nil {
		return nil, err
	}
	var found *pem.Block
	for _, b := range blocks {
		switch {
		case b.Type == "EC PARAMETERS" || b.Type == "CERTIFICATE":
		case b.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED"):
			return nil, configError("the private key is protected by a passphrase, which nobody could type; openssl pkey -in FILE -out NEW takes it away")
		case !strings.HasSuffix(b.Type, privateBlock):
			return nil, configError("it holds a block %q where a PRIVATE KEY is expected", clip(b.Type))
		case found != nil:
			return nil, configError("it holds two private keys, and one is expected")
		default:
			found = b
		}
	}
	if found == nil {
		return nil, configError("it holds no private key")
	}
	return parseKey(found)
}

// parseKey reads the key of a block.
func parseKey(b *pem.Block) (*Private, error) {
	var key any
	var err error
	switch b.Type {
	case privateBlock:
		key, err = x509.ParsePKCS8PrivateKey(b.Bytes)
	case ecBlock:
		key, err = x509.ParseECPrivateKey(b.Bytes)
	case rsaBlock:
		key, err = x509.ParsePKCS1PrivateKey(b.Bytes)
	default:
		return nil, configError("a %q is not known; PKCS #8, which openssl pkey writes, is", clip(b.Type))
	}
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "the private key cannot be read")
	}
	signer, _ := key.(crypto.Signer) // what is none is refused as a kind that does not sign
	k, err := NewPrivate(signer)
	if err != nil {
		_, why := fedmsg.Public(err)
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "the private key cannot be used: %s", why)
	}
	return k, nil
}

// split gives all blocks of a text. What looks like one and cannot be read is an error: the standard library passes over it,
// and a key would be missing in silence.
func split(text []byte) ([]*pem.Block, error) {
	begins := bytes.Count(text, []byte("-----BEGIN "))
	if begins == 0 {
		return nil, configError("it holds no PEM block; keys begin with -----BEGIN")
	}
	if begins > maxBlocks {
		return nil, configError("it holds more than %d PEM blocks", maxBlocks)
	}
	var blocks []*pem.Block
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			break
		}
		blocks = append(blocks, b)
	}
	if len(blocks) != begins {
		return nil, configError("it has %d PEM blocks of which only %d can be read; it is damaged or cut off", begins, len(blocks))
	}
	return blocks, nil
}

func configError(format string, args ...any) error {
	return fedmsg.Errorf(fedmsg.CodeConfig, format, args...)
}

// clip shortens what came from outside for use in a sentence.
func clip(text string) string {
	const most = 64
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
