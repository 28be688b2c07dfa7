package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/nearest"
	"github.com/federated-messaging/fedmsg/internal/sign"
	"github.com/federated-messaging/fedmsg/internal/trust"
)

// validateSigning refuses what the node could not sign with.
func (c *Config) validateSigning() error {
	var faults []error
	for i, form := range c.Sign {
		switch {
		case form != sign.DSSE && form != sign.X509:
			faults = append(faults, fault("sign", "has element %d, which is dsse or x509, not %q", i+1, form))
		case slices.Contains(c.Sign[:i], form):
			faults = append(faults, fault("sign", "has %s twice", form))
		}
	}
	s := &c.Signing
	if slices.Contains(c.Sign, sign.X509) && (s.X509Key == "" || s.X509Certificate == "") {
		faults = append(faults, fault("sign", "has x509, which needs signing.x509_key and signing.x509_certificate"))
	}
	if s.Name != "" && trust.NameOf(s.Name) != s.Name {
		faults = append(faults, fault("signing.name", "is 1 to 64 letters, digits, dots, dashes and underscores, not %q", s.Name))
	}
	if s.Name != "" && slices.ContainsFunc(c.Trust, func(r trust.Root) bool { return r.Name == s.Name && len(r.Keys) == 0 }) {
		faults = append(faults, fault("signing.name", "is %q, which is the name of a [[trust]] too; signers are told apart by it", s.Name))
	}
	for _, f := range []struct{ key, path string }{
		{"signing.key", s.Key}, {"signing.certificate", s.Certificate},
		{"signing.x509_key", s.X509Key}, {"signing.x509_certificate", s.X509Certificate},
	} {
		faults = append(faults, absolute(f.key, f.path))
	}
	return errors.Join(faults...)
}

// validateTrust refuses roots and settings that cannot be meant.
func (c *Config) validateTrust() error {
	var faults []error
	if c.Verify == "" {
		faults = append(faults, fault("verify", "is require, if-signed or insecure-off"))
	}
	faults = append(faults, absolute("trust_file", c.TrustFile), c.validateRedactFrom())
	file := trust.File{Trust: c.Trust, Policy: c.Policy}
	faults = append(faults, file.Validate(), c.Verification.Validate())
	for i := range c.Trust {
		for _, path := range paths(&c.Trust[i]) {
			if *path != "" && !filepath.IsAbs(*path) {
				faults = append(faults, fault("trust", "%d names the file %q, which must be an absolute path; only in a trust_file it may be relative", i+1, *path))
			}
		}
	}
	return errors.Join(faults...)
}

// UnknownSigners warns of publishers whose signer nobody can be, with the roots that there are: a root may come later, so this is
// no fault.
func (c *Config) UnknownSigners(roots []string) []string {
	var warnings []string
	for i := range c.Publisher {
		root, _, _ := strings.Cut(c.Publisher[i].Signer, "/")
		if root == "" || slices.Contains(roots, root) {
			continue
		}
		text := fmt.Sprintf("publisher %d has the signer %q, and there is no [[trust]] %q, so it opens to nobody", i+1, c.Publisher[i].Signer, root)
		if near := nearest.Word(root, roots); near != "" {
			text += fmt.Sprintf("; did you mean %q?", near)
		}
		warnings = append(warnings, text)
	}
	return warnings
}

func absolute(key, path string) error {
	if path == "" || filepath.IsAbs(path) {
		return nil
	}
	return fault(key, "is an absolute path, not %q", path)
}

// warnings tells what is allowed and rarely meant.
func (c *Config) warnings() (all []string) {
	if len(c.Sign) == 0 && c.Verify == fedmsg.VerifyRequire {
		all = append(all, "sign is empty and verify is require: what nobody signed is refused everywhere but at endpoints with a verify= of their own")
	}
	return append(all, c.missingPrograms()...)
}

// Insecure lists the insecure switches that are on, by their keys, for the log and the health report.
func (c *Config) Insecure() []string {
	keys := append(c.HTTP.Insecure(), c.ZeroMQ.Insecure()...)
	if c.Verify == fedmsg.VerifyInsecureOff {
		keys = append(keys, "verify = "+string(c.Verify))
	}
	return append(keys, c.InsecureDelivery()...)
}

// ReadTrust reads a trust file: a TOML file with [[trust]] and [policy] and nothing else, as strictly as a configuration.
// Relative paths in it are relative to its directory. The error has [fedmsg.CodeConfig] and names all faults.
func ReadTrust(path string) (trust.File, error) {
	var f trust.File
	l := newLoader(newSection("", reflect.ValueOf(&f).Elem()))
	l.file(path)
	if len(l.faults) == 0 {
		l.check(f.Validate())
	}
	if err := l.faults.coded(); err != nil {
		return trust.File{}, err
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return trust.File{}, fedmsg.WrapError(fedmsg.CodeConfig, err, "cannot tell where %s is; give an absolute path", path)
	}
	for i := range f.Trust {
		for _, name := range paths(&f.Trust[i]) {
			if *name != "" && !filepath.IsAbs(*name) {
				*name = filepath.Join(dir, *name)
			}
		}
	}
	return f, nil
}

// paths gives the places of all file names of a root.
func paths(r *trust.Root) []*string {
	all := []*string{&r.CA, &r.CRL, &r.Keyring}
	for i := range r.Keys {
		all = append(all, &r.Keys[i])
	}
	return all
}

// validateRedactFrom refuses what no signer is called.
func (c *Config) validateRedactFrom() error {
	for _, from := range c.RedactFrom {
		if root, name, named := strings.Cut(from, "/"); root == "" || named && name == "" {
			return fault("redact_from", "has %q, which is no signer; write ROOT/NAME, or ROOT for all of a [[trust]]", from)
		}
	}
	return nil
}
