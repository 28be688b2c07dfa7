package config

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/remote"
)

// FileKind says what a file is for, and with that who may read and write it.
type FileKind int

// The kinds of a [NamedFile].
const (
	OwnCertificate FileKind = iota // shown to others, who judge it by its end
	Authorities                    // others are judged by them; of several one is enough
	Secret                         // a key or password, which nobody but its owner reads
	SharedSecret                   // the key of a listener, which its group may read too
	Trusted                        // what signers are judged by: keys, authorities, revocation lists, policies
)

// NamedFile is a file that the configuration names, beside the files of the configuration itself.
type NamedFile struct {
	Kind FileKind
	Key  string // what names it, for people: "signing.key", "ca of sink rabbit"
	Path string
	Pair string // of an OwnCertificate that is shown in TLS the file of its private key, where one is named
}

// NamedFiles lists every file that the configuration names: this is the one walk over them. What is in it is not looked at, so that
// files which a trust_file names are not there.
func (c *Config) NamedFiles() (all []NamedFile) {
	add := func(kind FileKind, key, path string) {
		if path != "" {
			all = append(all, NamedFile{Kind: kind, Key: key, Path: path})
		}
	}
	pair := func(of, keyOf, certificate, key string, kind FileKind) {
		if certificate != "" {
			all = append(all, NamedFile{OwnCertificate, of, certificate, key})
		}
		add(kind, keyOf, key)
	}
	for _, uri := range c.HTTP.Listen {
		if u, err := url.Parse(uri); err == nil {
			q, of := u.Query(), "http.listen "+u.Host
			pair(of, "key of "+of, q.Get("cert"), q.Get("key"), SharedSecret)
			add(Authorities, "client_ca of "+of, q.Get("client_ca"))
		}
	}
	add(OwnCertificate, "signing.certificate", c.Signing.Certificate)
	add(Secret, "signing.key", c.Signing.Key)
	add(OwnCertificate, "signing.x509_certificate", c.Signing.X509Certificate)
	add(Secret, "signing.x509_key", c.Signing.X509Key)
	add(Secret, "archive.password_file", c.Archive.PasswordFile)
	add(Trusted, "trust_file", c.TrustFile)
	for i := range c.Trust {
		r := &c.Trust[i]
		for _, path := range append([]string{r.CA, r.CRL, r.Keyring}, r.Keys...) {
			add(Trusted, "[[trust]] "+r.Name, path)
		}
	}
	other := func(of string, f remote.Files) {
		pair(of, "key of "+of, f.Certificate, f.Key, Secret)
		add(Secret, "credentials of "+of, f.Credentials)
		add(Authorities, "ca of "+of, f.CA)
	}
	for i := range c.Sink {
		other("sink "+c.Sink[i].Name, c.Sink[i].Files())
	}
	for i := range c.Source {
		s := &c.Source[i]
		other("source "+s.Name, s.Files())
		for _, path := range keyrings(s.From) {
			add(Trusted, "keyrings of source "+s.Name, path)
		}
	}
	return all
}

// keyrings gives the files of keys that the address of a source of mails names.
func keyrings(from string) []string {
	u, err := url.Parse(from)
	if err != nil || !u.Query().Has("keyrings") {
		return nil
	}
	return strings.Split(u.Query().Get("keyrings"), ",")
}

// FilesBeside gives the named files that are outside of the state directory, each once and in order. A node does not start without most
// of them, and a backup of its state has none.
func (c *Config) FilesBeside() (paths []string) {
	for _, f := range c.NamedFiles() {
		inside, err := filepath.Rel(c.State, f.Path)
		if err != nil || inside == ".." || strings.HasPrefix(inside, "../") {
			paths = append(paths, f.Path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}
