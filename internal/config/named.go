package config

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/federated-messaging/fedmsg/internal/remote"
)

// NamedFiles gives the files outside the state directory that the configuration names, without those of the configuration itself, each
// once and in order: certificates, keys, credentials, what is trusted. A node does not start without most of them, and a backup of its
// state has none.
func (c *Config) NamedFiles() (paths []string) {
	for _, uri := range c.HTTP.Listen {
		if u, err := url.Parse(uri); err == nil {
			q := u.Query()
			paths = append(paths, q.Get("cert"), q.Get("key"), q.Get("client_ca"))
		}
	}
	paths = append(paths, c.Signing.Key, c.Signing.Certificate, c.Signing.X509Key, c.Signing.X509Certificate, c.Archive.PasswordFile, c.TrustFile)
	for i := range c.Trust {
		r := &c.Trust[i]
		paths = append(append(paths, r.CA, r.CRL, r.Keyring), r.Keys...)
	}
	others := make([]remote.Files, 0, len(c.Sink)+len(c.Source))
	for i := range c.Sink {
		others = append(others, c.Sink[i].Files())
	}
	for i := range c.Source {
		others = append(others, c.Source[i].Files())
	}
	for _, f := range others {
		paths = append(paths, f.Credentials, f.CA, f.Certificate, f.Key)
	}
	slices.Sort(paths)
	return slices.DeleteFunc(slices.Compact(paths), func(path string) bool {
		inside, err := filepath.Rel(c.State, path)
		return path == "" || err == nil && inside != ".." && !strings.HasPrefix(inside, "../")
	})
}
