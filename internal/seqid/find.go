package seqid

import (
	"math/bits"

	"github.com/federated-messaging/fedmsg"
)

// probe is what is known of the entries behind a place: none up to the entry before upto has a number, and upto has the number
// n; where n is 0, it has none either. It stays true, as entries do not change.
type probe struct{ upto, n uint64 }

// maxProbes bounds the probes that are remembered.
const maxProbes = 1 << 14

// near is up to how many entries are read one after the other rather than probed.
const near = 128

// Find gives the first entry whose number is n or greater, and at least 1; ok is false where there is none.
//
// It is a binary search over the log, as numbers grow along it. An index would be a second truth, to be kept or to be built at
// each start. The places that are probed are round, so that later searches come to the same ones; what was found there is
// remembered. Where few entries have numbers a search may read much of the log, but no part of it twice.
func (b *Book) Find(n uint64) (at uint64, ok bool, err error) {
	n = max(n, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	first, hi := b.c.Log.Bounds()
	lo := min(first-1, hi)
	// What is looked for is behind lo and not behind hi, or nowhere.
	for hi-lo > near {
		place := round(lo, hi)
		p, err := b.probe(place, hi)
		switch {
		case err != nil:
			return 0, false, err
		case p.n == 0 || p.upto > hi: // no number between
			hi = place
		case p.n >= n:
			hi, at, ok = place, p.upto, true
		default:
			lo = p.upto
		}
	}
	err = b.read(lo, hi, func(e *fedmsg.Entry, _ uint64) bool {
		if e == nil || Of(e) < n {
			return true
		}
		at, ok = e.Position.Seq, true
		return false
	})
	return at, ok, err
}

// probe finds the first number behind a place and not behind hi. The caller holds mu.
func (b *Book) probe(place, hi uint64) (probe, error) {
	p, known := b.probes[place]
	if !known {
		p = probe{upto: place}
	}
	if p.n != 0 || p.upto >= hi {
		return p, nil
	}
	err := b.read(p.upto, hi, func(e *fedmsg.Entry, missing uint64) bool {
		p.upto += missing
		if e != nil {
			p = probe{upto: e.Position.Seq, n: Of(e)}
		}
		return p.n == 0
	})
	if len(b.probes) >= maxProbes {
		clear(b.probes)
	}
	b.probes[place] = p
	return p, err
}

// round gives the roundest number in binary that is greater than lo and less than hi, which are not next to each other.
func round(lo, hi uint64) uint64 {
	k := bits.Len64(lo^(hi-1)) - 1
	return (hi - 1) >> k << k
}
