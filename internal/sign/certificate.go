package sign

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"os"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
)

const (
	certificateBlock = "CERTIFICATE"
	maxCertificate   = 16 << 10 // bytes of DER that whoever verifies takes
	maxFile          = 1 << 20
)

// readCertificate reads the first certificate of a PEM file, whatever text stands before it, and holds that it is the key's and
// has the one name that it needs to speak for anybody.
func readCertificate(path string, key keys.Public) (*x509.Certificate, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot read the certificate %s", path)
	}
	var block *pem.Block
	for block == nil || block.Type != certificateBlock {
		if block, text = pem.Decode(text); block == nil {
			return nil, fedmsg.Errorf(fedmsg.CodeConfig, "there is no certificate in %s; one begins with -----BEGIN CERTIFICATE-----", path)
		}
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot read the certificate %s", path)
	}
	public, err := keys.NewPublic(cert.PublicKey)
	switch {
	case err != nil || public.ID() != key.ID():
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the certificate %s is that of another key than the one that signs, which is %s", path, key.ID())
	case len(cert.Raw) > maxCertificate:
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the certificate %s has %d bytes; nobody takes more than %d", path, len(cert.Raw), maxCertificate)
	}
	if n := commonNames(cert); n != 1 {
		return nil, fedmsg.Errorf(fedmsg.CodeConfig, "the certificate %s has %d common names in its subject; it needs one, which is who signs", path, n)
	}
	return cert, nil
}

// readFile reads a file of a size that a certificate may have.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// commonNames counts the common names of a certificate's subject.
func commonNames(cert *x509.Certificate) (n int) {
	for _, name := range cert.Subject.Names {
		if name.Type.Equal(asn1.ObjectIdentifier{2, 5, 4, 3}) {
			n++
		}
	}
	return n
}

// validAt tells that a certificate, named by its setting, is not valid at a time.
func validAt(cert *x509.Certificate, setting string, now time.Time) error {
	if !now.Before(cert.NotBefore) && !now.After(cert.NotAfter) {
		return nil
	}
	return fedmsg.Errorf(fedmsg.CodeExpired, "the certificate of %s is valid from %s to %s; now is %s, and nobody takes what is signed with it", setting,
		cert.NotBefore.UTC().Format(time.RFC3339), cert.NotAfter.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
}
