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

// ListTimes are the two times that a revocation list has.
type ListTimes struct {
	Issued time.Time
	Next   time.Time // when the next one is due; the zero time where the list does not say
}

// Lists tells the times of the revocation list of each root that has one, by the name of the root.
func (s *Store) Lists() map[string]ListTimes {
	lists := map[string]ListTimes{}
	for _, r := range s.current().roots {
		if r.list != nil {
			lists[r.Name] = ListTimes{Issued: r.list.crl.ThisUpdate, Next: r.list.crl.NextUpdate}
		}
	}
	return lists
}
