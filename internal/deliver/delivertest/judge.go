package delivertest

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/federated-messaging/fedmsg"
)

// judge finds what the arrivals break: each is one of want, first appearances are in order, and so on as the features have it.
func judge(want []*fedmsg.Entry, all []Arrival, f *Features) (faults []string) {
	place := map[string]int{}
	for i, e := range want {
		place[e.ID] = i
	}
	seen := map[string]bool{}
	last := -1
	for i := range all {
		a := &all[i]
		at, known := place[a.ID]
		if !known {
			faults = append(faults, fmt.Sprintf("id %q on %s arrived, which was not sent", a.ID, a.Topic))
			continue
		}
		e := want[at]
		if a.Topic != e.Topic {
			faults = append(faults, fmt.Sprintf("entry %d arrived on %q, want %q", e.Position.Seq, a.Topic, e.Topic))
		}
		if f.Lossless && !bytes.Equal(a.Envelope, e.Envelope) {
			faults = append(faults, fmt.Sprintf("entry %d has another envelope:\n%.400q\nwant\n%.400q", e.Position.Seq, a.Envelope, e.Envelope))
		}
		if f.Lossless && !f.Unsigned && !bytes.Equal(bare(a.Signatures), bare(e.Signatures)) {
			faults = append(faults, fmt.Sprintf("entry %d has the signatures %s, want %s", e.Position.Seq, a.Signatures, e.Signatures))
		}
		switch {
		case seen[a.ID] && f.Once:
			faults = append(faults, fmt.Sprintf("entry %d arrived again, and the other side knows its id", e.Position.Seq))
		case seen[a.ID]:
		case f.Ordered && at < last:
			faults = append(faults, fmt.Sprintf("entry %d arrived behind entry %d", e.Position.Seq, want[last].Position.Seq))
		default:
			last = at
		}
		seen[a.ID] = true
	}
	for _, e := range want {
		if !seen[e.ID] {
			faults = append(faults, fmt.Sprintf("entry %d has not arrived", e.Position.Seq))
		}
	}
	const most = 10
	if n := len(faults); n > most {
		faults = append(slices.Clip(faults[:most]), fmt.Sprintf("and %d more faults", n-most))
	}
	return faults
}

// bare makes of no signatures an empty text, as whoever writes them down does it.
func bare(signatures []byte) []byte {
	if s := string(signatures); s == "[]" || s == "null" {
		return nil
	}
	return signatures
}
