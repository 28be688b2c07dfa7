package postgres

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"github.com/federated-messaging/fedmsg/internal/archive/block"
)

// wordNumber stands for a word in the index. Words may share one: what is found by it is looked at again by package archive.
func wordNumber(word string) int32 {
	h := uint32(2166136261)
	for i := range len(word) {
		h = (h ^ uint32(word[i])) * 16777619
	}
	return int32(h)
}

// place says that a slot has a word. It is made so that they sort by words, as PostgreSQL sorts numbers, and then by slots.
type place uint64

func placeOf(word int32, slot int) place { return place(uint64(uint32(word)^1<<31)<<8 | uint64(slot)) }

func (p place) word() int32 { return int32(uint32(p>>8) ^ 1<<31) }
func (p place) slot() int   { return int(p & 0xff) }

// manySlots is the byte behind which the places of a word stand as bits.
const manySlots = 255

// index writes places as the columns words and places have them. It sorts them.
func index(all []place) (words []int32, places []byte) {
	slices.Sort(all)
	for i := 0; i < len(all); {
		word, set := all[i].word(), uint32(0)
		for ; i < len(all) && all[i].word() == word; i++ {
			set |= 1 << all[i].slot()
		}
		words = append(words, word)
		places = appendSlots(places, set)
	}
	return words, places
}

func appendSlots(b []byte, set uint32) []byte {
	if bits.OnesCount32(set) == 1 {
		return append(b, byte(bits.TrailingZeros32(set)))
	}
	return binary.LittleEndian.AppendUint32(append(b, manySlots), set)
}

// slots reads the column places: for each word the set of its slots.
func slots(b []byte) (sets []uint32, err error) {
	for len(b) > 0 {
		switch {
		case b[0] < block.Slots:
			sets, b = append(sets, 1<<b[0]), b[1:]
		case b[0] == manySlots && len(b) > 4:
			sets, b = append(sets, binary.LittleEndian.Uint32(b[1:])), b[5:]
		default:
			return nil, fmt.Errorf("%w: the places of words cannot be read", block.ErrDamaged)
		}
	}
	return sets, nil
}

// unindex reads what index wrote, for slots that begin at from.
func unindex(words []int32, places []byte, from int) (all []place, err error) {
	sets, err := slots(places)
	if err == nil && len(sets) != len(words) {
		err = fmt.Errorf("%w: there are places of %d words, and %d words", block.ErrDamaged, len(sets), len(words))
	}
	if err != nil {
		return nil, err
	}
	for i, set := range sets {
		for ; set != 0; set &= set - 1 {
			all = append(all, placeOf(words[i], from+bits.TrailingZeros32(set)))
		}
	}
	return all, nil
}

// errPlaces is what the place of a word says that there cannot be.
var errPlaces = fmt.Errorf("%w: a word stands where there is no message", block.ErrDamaged)
