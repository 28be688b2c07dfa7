package facts

import "hash/maphash"

// set collects different words, one less than MaxWords. A map would cost more than all else that is done for a message's words: most of
// them come several times.
type set struct {
	all    []string
	before int          // how many of all are not its own
	table  []uint16     // numbers of words, counted from 1, by hash; at most half full
	seed   maphash.Seed // by chance: nobody can make words that share a hash
}

// newSet makes a set whose words come behind those of b.
func newSet(b []string) set {
	return set{all: b, before: len(b), table: make([]uint16, 256), seed: maphash.MakeSeed()}
}

func (s *set) len() int { return len(s.all) - s.before }

// add puts a word into the set. It is false where there is no room for it.
func (s *set) add(word []byte) bool {
	mask := uint64(len(s.table) - 1)
	i := maphash.Bytes(s.seed, word) & mask
	for ; s.table[i] != 0; i = (i + 1) & mask {
		if s.all[s.before+int(s.table[i])-1] == string(word) {
			return true
		}
	}
	if s.len() >= MaxWords-1 {
		return false
	}
	s.all = append(s.all, string(word))
	s.table[i] = uint16(s.len())
	if 2*s.len() > len(s.table) {
		s.grow()
	}
	return true
}

func (s *set) grow() {
	s.table = make([]uint16, 4*len(s.table))
	mask := uint64(len(s.table) - 1)
	for n, word := range s.all[s.before:] {
		i := maphash.String(s.seed, word) & mask
		for s.table[i] != 0 {
			i = (i + 1) & mask
		}
		s.table[i] = uint16(n + 1)
	}
}
