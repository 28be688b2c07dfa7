package sign

import (
	"crypto/x509"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/stamp"
)

// loaded is what was read of one state of the files. It is immutable.
type loaded struct {
	key         detacher
	own         []keys.Public     // that of key is the first
	certificate *x509.Certificate // of key; nil where there is none
	embedder    *Embedder         // nil unless the old form is made
}

// file is a file and its state when it was looked at.
type file struct {
	path string
	own  bool // it is a key of the directory
	stamp.Stamp
}

// current gives the keys of the files as they are, or were less than Every ago, or before they could not be used any more.
func (s *Signer) current() *loaded {
	now := s.c.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	// A clock that was set back must not stop the looking.
	if d := now.Sub(s.checked); d >= s.c.Every || d < 0 {
		s.checked = now
		// What failed may have failed for a while only: it is tried again without a change.
		if seen, err := s.look(); s.err != nil || err != nil || !slices.Equal(seen, s.seen) {
			s.load(seen, err)
		}
	}
	return s.loaded
}

// look lists the files that count: the keys of the directory, in the order of their names, and those of the settings.
func (s *Signer) look() ([]file, error) {
	names, err := keyNames(s.c.Dir)
	if err != nil {
		return nil, err
	}
	var all []file
	set := &s.c.Settings
	for _, name := range names {
		if path := filepath.Join(s.c.Dir, name); path != set.X509Key { // whose place may be there, but not its use
			all = append(all, file{path: path, own: true})
		}
	}
	for _, path := range []string{set.Key, set.Certificate, set.X509Key, set.X509Certificate} {
		if path != "" {
			all = append(all, file{path: path})
		}
	}
	for i := range all {
		all[i].Stamp = stamp.Of(all[i].path)
	}
	return all, nil
}

// load reads the files that were seen. The caller holds mu or is alone.
func (s *Signer) load(seen []file, err error) {
	var l *loaded
	if err == nil {
		l, err = s.read(seen)
	}
	s.seen = seen
	if err != nil {
		if s.loaded != nil && (s.err == nil || s.err.Error() != err.Error()) {
			s.c.Logger.Error("keys cannot be used as they are now; the node signs with those that it had", "err", err)
		}
		s.err = err
		return
	}
	if s.loaded != nil {
		s.c.Logger.Info("read the keys again", "key", l.own[0].ID(), "keys", len(l.own))
	}
	s.loaded, s.err = l, nil
}

// read reads the files.
func (s *Signer) read(seen []file) (*loaded, error) {
	signing, all, err := s.readKeys(seen)
	if err != nil {
		return nil, err
	}
	l := &loaded{}
	for _, k := range all {
		if !slices.ContainsFunc(l.own, func(p keys.Public) bool { return p.ID() == k.Public().ID() }) {
			l.own = append(l.own, k.Public())
		}
	}
	var der []byte
	if path := s.c.Settings.Certificate; path != "" {
		if l.certificate, err = keys.ReadCertificate(path, signing.Public()); err != nil {
			return nil, err
		}
		der = l.certificate.Raw
	}
	l.key = newDetacher(signing, der)
	if slices.Contains(s.c.Forms, X509) {
		if l.embedder, err = OpenEmbedder(s.c.Settings.X509Key, s.c.Settings.X509Certificate); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// readKeys reads all keys of the node, the one that signs first: that of the settings, or the last of the directory.
func (s *Signer) readKeys(seen []file) (signing *keys.Private, all []*keys.Private, err error) {
	var paths []string
	if path := s.c.Settings.Key; path != "" {
		paths = append(paths, path)
	}
	for _, f := range slices.Backward(seen) {
		if f.own && !slices.Contains(paths, f.path) {
			paths = append(paths, f.path)
		}
	}
	if len(paths) == 0 {
		return nil, nil, fedmsg.Errorf(fedmsg.CodeConfig, "there is no key in %s to sign with; fedmsg keys new makes one", s.c.Dir)
	}
	for _, path := range paths {
		k, err := keys.ReadPrivate(path)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, k)
	}
	return all[0], all, nil
}

// validAt tells of a certificate that is sent along and not valid at a time: nobody would take what is signed with it.
func (l *loaded) validAt(now time.Time) error {
	var faults []error
	if l.certificate != nil {
		faults = append(faults, validAt(l.certificate, "signing.certificate", now))
	}
	if l.embedder != nil {
		faults = append(faults, validAt(l.embedder.parsed, "signing.x509_certificate", now))
	}
	return errors.Join(faults...)
}
