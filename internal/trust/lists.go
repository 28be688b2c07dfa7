package trust

import "time"

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
