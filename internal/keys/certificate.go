package keys

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/federated-messaging/fedmsg"
)

const (
	certificateBlock   = "CERTIFICATE"
	maxCertificate     = 16 << 10 // bytes of DER that whoever verifies takes
	maxCertificateFile = 1 << 20
)

// ReadCertificate reads the first certificate of a PEM file, whatever text stands before it, and holds that it is the key's and
// has the one name that it needs to speak for anybody. The error has CodeConfig and names the file.
func ReadCertificate(path string, key Public) (*x509.Certificate, error) {
	text, err := readCertificateFile(path)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot read the certificate %s", path)
	}
	var block *pem.Block
	for block == nil || block.Type != certificateBlock {
		if block, text = pem.Decode(text); block == nil {
			return nil, configError("there is no certificate in %s; one begins with -----BEGIN CERTIFICATE-----", path)
		}
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot read the certificate %s", path)
	}
	public, err := NewPublic(cert.PublicKey)
	switch {
	case err != nil || public.ID() != key.ID():
		return nil, configError("the certificate %s is that of another key than the one that signs, which is %s", path, key.ID())
	case len(cert.Raw) > maxCertificate:
		return nil, configError("the certificate %s has %d bytes; nobody takes more than %d", path, len(cert.Raw), maxCertificate)
	}
	if n := commonNames(cert); n != 1 {
		return nil, configError("the certificate %s has %d common names in its subject; it needs one, which is who signs", path, n)
	}
	return cert, nil
}

// readCertificateFile reads a file of a size that a certificate may have.
func readCertificateFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // of a pipe nobody writes to, nothing is awaited
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, configError("it is not a regular file"))
	}
	return io.ReadAll(io.LimitReader(f, maxCertificateFile))
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
