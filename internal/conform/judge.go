package conform

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Rules is what is held of messages that arrived.
type Rules struct {
	Ordered  bool // they first appear in the order in which they were sent
	Once     bool // none appears again
	Lossless bool // they have the exact envelope and signatures
	Unsigned bool // Lossless does not cover signatures
}

// Judge finds what the messages that arrived break: each was sent, first appearances are in order, and so on.
func Judge(sent, arrived []Message, r Rules) (faults []string) {
	place := places(sent)
	seen := map[string]bool{}
	last := -1
	for i := range arrived {
		a := &arrived[i]
		at, known := place[a.ID]
		if !known {
			faults = append(faults, fmt.Sprintf("id %q on %s arrived, which was not sent", a.ID, a.Topic))
			continue
		}
		faults = append(faults, compare(at, &sent[at], a, r)...)
		switch {
		case seen[a.ID] && r.Once:
			faults = append(faults, fmt.Sprintf("message %d arrived again", at+1))
		case seen[a.ID]:
		case r.Ordered && at < last:
			faults = append(faults, fmt.Sprintf("message %d arrived behind message %d", at+1, last+1))
		default:
			last = at
		}
		seen[a.ID] = true
	}
	if missing := Missing(sent, arrived); missing != "" {
		faults = append(faults, missing)
	}
	const most = 10
	if n := len(faults); n > most {
		faults = append(slices.Clip(faults[:most]), fmt.Sprintf("and %d more faults", n-most))
	}
	return faults
}

// Missing tells which of the messages sent have not arrived; it is empty when all have.
func Missing(sent, arrived []Message) string {
	there := map[string]bool{}
	for i := range arrived {
		there[arrived[i].ID] = true
	}
	var missing []string
	for i := range sent {
		if !there[sent[i].ID] {
			missing = append(missing, fmt.Sprint(i+1))
		}
	}
	if len(missing) == 0 {
		return ""
	}
	const most = 20
	return fmt.Sprintf("%d of %d are missing: numbers %s", len(missing), len(sent), strings.Join(missing[:min(len(missing), most)], " "))
}

// places tells where each id stands among the messages.
func places(sent []Message) map[string]int {
	place := make(map[string]int, len(sent))
	for i := range sent {
		place[sent[i].ID] = i
	}
	return place
}

// compare finds what the message that arrived has other than the one that was sent in this place.
func compare(at int, sent, arrived *Message, r Rules) (faults []string) {
	if arrived.Topic != sent.Topic {
		faults = append(faults, fmt.Sprintf("message %d arrived on %q, want %q", at+1, arrived.Topic, sent.Topic))
	}
	if r.Lossless && !bytes.Equal(arrived.Envelope, sent.Envelope) {
		faults = append(faults, fmt.Sprintf("message %d has another envelope:\n%.400q\nwant\n%.400q", at+1, arrived.Envelope, sent.Envelope))
	}
	if r.Lossless && !r.Unsigned && !bytes.Equal(bare(arrived.Signatures), bare(sent.Signatures)) {
		faults = append(faults, fmt.Sprintf("message %d has the signatures %s, want %s", at+1, arrived.Signatures, sent.Signatures))
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
