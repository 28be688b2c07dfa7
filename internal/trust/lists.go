package trust

import "time"

// Roots names the roots that are trusted now, those of the trust file included.
func (s *Store) Roots() []string {
	var names []string
	for _, r := range s.current().roots {
		names = append(names, r.Name)
	}
	return names
}

// ListsIssued tells when the revocation list of each root that has one was issued, by the name of the root.
func (s *Store) ListsIssued() map[string]time.Time {
	issued := map[string]time.Time{}
	for _, r := range s.current().roots {
		if r.list != nil {
			issued[r.Name] = r.list.crl.ThisUpdate
		}
	}
	return issued
}
