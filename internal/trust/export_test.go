package trust

// Cached reports whether a store has a certificate at hand, by its DER.
func Cached(s *Store, der []byte) bool { return s.now.Load().ders.get(der) != nil }
