package sign

import (
	"crypto/x509"
	"time"

	"github.com/federated-messaging/fedmsg"
)

// validAt tells that a certificate, named by its setting, is not valid at a time.
func validAt(cert *x509.Certificate, setting string, now time.Time) error {
	if !now.Before(cert.NotBefore) && !now.After(cert.NotAfter) {
		return nil
	}
	return fedmsg.Errorf(fedmsg.CodeExpired, "the certificate of %s is valid from %s to %s; now is %s, and nobody takes what is signed with it", setting,
		cert.NotBefore.UTC().Format(time.RFC3339), cert.NotAfter.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
}
