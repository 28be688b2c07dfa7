package pki

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// Span says when the certificates of one file are good.
type Span struct {
	Begin   time.Time // of the one that ends first
	First   time.Time // when the first of them ends
	Subject string    // of that one; text from outside
	Last    time.Time // when the last of them ends
}

// ReadSpan reads all PEM certificates of a file. An error in what the file holds has [fedmsg.CodeConfig]; any other is that of reading it.
func ReadSpan(path string) (s Span, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		found, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return s, fedmsg.Errorf(fedmsg.CodeConfig, "it has a certificate that cannot be read: %s", err)
		}
		if s.First.IsZero() || found.NotAfter.Before(s.First) {
			s.Begin, s.First, s.Subject = found.NotBefore, found.NotAfter, found.Subject.String()
		}
		if found.NotAfter.After(s.Last) {
			s.Last = found.NotAfter
		}
	}
	if s.First.IsZero() {
		return s, fedmsg.Errorf(fedmsg.CodeConfig, "there is no PEM certificate in it")
	}
	return s, nil
}
