package trust

import (
	"slices"
	"time"
)

// current gives what is trusted now. It looks whether files have changed when nobody has for a while; while one looks, the
// others go on with what was trusted before.
func (s *Store) current() *snapshot {
	if s.c.Every >= 0 {
		s.refresh()
	}
	return s.now.Load()
}

func (s *Store) refresh() {
	now := s.c.Now().UnixNano()
	// A clock that was set back must not stop the looking.
	if d := now - s.looked.Load(); d >= 0 && d < int64(s.c.Every) {
		return
	}
	if !s.mu.TryLock() {
		return
	}
	defer s.mu.Unlock()
	s.looked.Store(now)
	before := s.now.Load()
	after := s.read(before)
	if after.same(before) {
		return
	}
	s.now.Store(after)
	s.tell(before, after)
}

// read makes a snapshot of the files as they are. It takes what has not changed from the one before, and what cannot be read.
func (s *Store) read(before *snapshot) *snapshot {
	now := s.c.Now()
	n := &snapshot{settings: s.c.Settings, members: newCache(), ders: newCache()}
	n.origin, n.faults = s.definition(before, now)
	n.policy = n.origin.policy
	if before == nil && len(n.faults) > 0 {
		return n
	}
	l := &reader{now: now}
	for i, c := range n.origin.roots {
		if r := l.root(c, n.origin.where[i], before.named(c.Name)); r != nil {
			n.roots = append(n.roots, r)
		}
	}
	n.faults = append(n.faults, l.faults...)
	if n.sameAuthorities(before) {
		n.members, n.ders = before.members, before.ders
	}
	return n
}

// definition gives that of the snapshot before when the trust file has not changed, or cannot be used as it is now.
func (s *Store) definition(before *snapshot, now time.Time) (*definition, []error) {
	if before == nil {
		return s.c.define(now)
	}
	if s.c.Path == "" {
		return before.origin, nil
	}
	file := look(s.c.Path, now)
	if before.origin.file.same(&file) {
		return before.origin, nil
	}
	d, faults := s.c.define(now)
	if len(faults) > 0 {
		return before.origin, faults
	}
	return d, nil
}

// named finds a root.
func (n *snapshot) named(name string) *root {
	if n == nil {
		return nil
	}
	for _, r := range n.roots {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// sameAuthorities reports whether the caches of a snapshot fit this one: they know roots by their place, and what it issued.
func (n *snapshot) sameAuthorities(before *snapshot) bool {
	if before == nil || len(n.roots) != len(before.roots) {
		return false
	}
	for i, r := range n.roots {
		if b := before.roots[i]; r.Name != b.Name || r.authority != b.authority {
			return false
		}
	}
	return true
}

// same reports whether nothing changed, so that the snapshot before can stay.
func (n *snapshot) same(before *snapshot) bool {
	if n.origin != before.origin || !n.sameAuthorities(before) || !sameFaults(n.faults, before.faults) {
		return false
	}
	for i, r := range n.roots {
		if b := before.roots[i]; r.material != b.material || r.list != b.list {
			return false
		}
	}
	return true
}

// equal reports whether the files hold the same.
func (m *material) equal(b *material) bool {
	return slices.EqualFunc(m.files, b.files, func(x, y source) bool { return x.path == y.path && x.sum == y.sum })
}

func sameFaults(a, b []error) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Error() != b[i].Error() {
			return false
		}
	}
	return true
}

// tell writes to the operator's log what is new.
func (s *Store) tell(before, after *snapshot) {
	if !sameFaults(before.faults, after.faults) {
		for _, f := range after.faults {
			s.c.Logger.Error("cannot read what is trusted; what was read before stays in force", "error", f)
		}
		if len(after.faults) == 0 {
			s.c.Logger.Info("all files of the trust roots can be read again")
		}
	}
	for _, r := range after.roots {
		b := before.named(r.Name)
		switch {
		case b == nil:
			s.c.Logger.Info("trust root added", "root", r.Name)
		case !r.material.equal(b.material):
			s.c.Logger.Info("keys of a trust root read again", "root", r.Name)
		case r.list != nil && (b.list == nil || r.list.file.sum != b.list.file.sum):
			s.c.Logger.Info("revocation list read again", "root", r.Name)
		}
	}
	for _, b := range before.roots {
		if after.named(b.Name) == nil {
			s.c.Logger.Info("trust root removed", "root", b.Name)
		}
	}
}
