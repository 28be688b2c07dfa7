package trust

import (
	"cmp"
	"path/filepath"
	"slices"
	"time"

	"github.com/federated-messaging/fedmsg"
	"github.com/federated-messaging/fedmsg/internal/keys"
	"github.com/federated-messaging/fedmsg/internal/pgp"
	"github.com/federated-messaging/fedmsg/internal/pki"
)

// definition is the roots and the policy of the configuration and of the trust file together.
type definition struct {
	file   source // the trust file
	roots  []Root
	where  []string // of each root: the file that it stands in
	policy Policy
}

// inConfiguration is where roots stand that do not stand in a trust file.
const inConfiguration = "configuration"

// define reads the trust file, if there is one.
func (c *Config) define(now time.Time) (*definition, []error) {
	d := &definition{roots: slices.Clone(c.File.Trust), policy: c.File.Policy}
	for range d.roots {
		d.where = append(d.where, cmp.Or(c.Where, inConfiguration))
	}
	faults := flatten(c.File.Validate())
	for _, r := range d.roots {
		if c.passesForNode(&r) {
			faults = append(faults, c.nodesName(r.Name))
		}
	}
	if c.Path == "" {
		return d, faults
	}
	d.file = look(c.Path, now)
	if d.file.info != nil && !d.file.info.Mode().IsRegular() { // reading it might never end
		return d, append(faults, &fault{path: c.Path, err: errNotRegular()})
	}
	f, err := c.Read(c.Path)
	if err == nil {
		err = f.Validate()
	}
	for _, err := range flatten(err) {
		faults = append(faults, &fault{path: c.Path, err: err})
	}
	for _, r := range f.Trust {
		if slices.ContainsFunc(c.File.Trust, func(other Root) bool { return other.Name == r.Name }) {
			faults = append(faults, &fault{path: c.Path, err: fedmsg.Errorf(fedmsg.CodeConfig, "the configuration has a [[trust]] %q too", clip(r.Name))})
		}
		if c.passesForNode(&r) {
			faults = append(faults, &fault{path: c.Path, err: c.nodesName(r.Name)})
		}
		d.roots, d.where = append(d.roots, r), append(d.where, filepath.Base(c.Path))
	}
	policy, twice := c.File.Policy.with(f.Policy)
	for _, topic := range twice {
		faults = append(faults, &fault{path: c.Path, err: fedmsg.Errorf(fedmsg.CodeConfig, "the configuration has %q in [policy.topics] too", clip(topic))})
	}
	d.policy = policy
	return d, faults
}

// passesForNode reports whether a root has the name of the node itself and should not: one of bare keys may, because nodes that
// share a trust file stand in it each under its name.
func (c *Config) passesForNode(r *Root) bool {
	return r.Name != "" && r.Name == c.OwnName && len(r.Keys) == 0
}

// nodesName is the fault of such a root.
func (*Config) nodesName(name string) error {
	return fedmsg.Errorf(fedmsg.CodeConfig,
		"the node itself signs as %q, and a [[trust]] has that name too; signers are told apart by it, so give the root another, or set signing.name", clip(name))
}

// reader reads the files of roots, and takes what has not changed from before.
type reader struct {
	now    time.Time
	faults []error
}

// root reads a root. Where a file cannot be used, what it held before stays in force; where there was nothing before, the
// root is left out, and nobody is trusted for it.
func (l *reader) root(c Root, where string, before *root) *root {
	r := &root{Root: c, where: where}
	if before != nil && (before.CA != c.CA || before.Keyring != c.Keyring || before.Legacy != c.Legacy || !slices.Equal(before.Keys, c.Keys)) {
		before = nil
	}
	var old *material
	if before != nil {
		old = before.material
	}
	if r.material = l.material(&c, old); r.material == nil {
		return nil
	}
	if c.CRL == "" {
		return r
	}
	var list *revocations
	if before != nil && before.CRL == c.CRL {
		list = before.list
	}
	if list != nil && r.authority != old.authority {
		list = nil // it was checked against another authority
	}
	if r.list = l.revocations(&c, r.authority, list); r.list == nil {
		return nil
	}
	return r
}

// material gives old itself when its files have not changed.
func (l *reader) material(c *Root, old *material) *material {
	m, paths, key := &material{}, c.Keys, "keys"
	switch {
	case c.CA != "":
		paths, key = []string{c.CA}, "ca"
	case c.Keyring != "":
		paths, key = []string{c.Keyring}, "keyring"
	}
	same := old != nil
	for i, path := range paths {
		m.files = append(m.files, look(path, l.now))
		same = same && old.files[i].same(&m.files[i])
	}
	if same {
		return old
	}
	changed, broken := old == nil, false
	for i := range m.files {
		data, err := m.files[i].read()
		if err == nil {
			err = m.add(c, data)
		}
		if err != nil {
			l.faults = append(l.faults, &fault{root: c.Name, key: key, path: m.files[i].path, err: err})
			broken = true
			continue
		}
		changed = changed || old.files[i].sum != m.files[i].sum
	}
	switch {
	case broken:
		return old
	case changed:
		return m
	}
	// The same bytes, written again: what was made of them stays, and with it what is cached.
	m.authority, m.ring, m.keys = old.authority, old.ring, old.keys
	return m
}

// add reads one file of the root.
func (m *material) add(c *Root, data []byte) (err error) {
	switch {
	case c.CA != "":
		m.authority, err = pki.NewAuthority(data, c.Legacy)
	case c.Keyring != "":
		m.ring, err = pgp.ParseKeyring(data)
	default:
		var list []keys.Public
		list, err = keys.ParsePublic(data)
		m.keys = append(m.keys, list...)
	}
	return err
}

// revocations gives old itself, which is of the same authority, when its file has not changed.
func (l *reader) revocations(c *Root, a *pki.Authority, old *revocations) *revocations {
	next := &revocations{file: look(c.CRL, l.now)}
	if old != nil && old.file.same(&next.file) {
		return old
	}
	data, err := next.file.read()
	if err == nil {
		next.crl, err = a.ParseCRL(data)
	}
	if err != nil {
		l.faults = append(l.faults, &fault{root: c.Name, key: "crl", path: c.CRL, err: err})
		return old
	}
	return next
}

// flatten takes joined errors apart.
func flatten(err error) (list []error) {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			list = append(list, flatten(e)...)
		}
		return list
	}
	return []error{err}
}
