package fedmsg

import (
	"strconv"
	"strings"
)

// LogID names one log for as long as its numbering is valid: a log that was recreated, or adopted after a restore, has
// another. It is 12 characters of a-z and 2-7 (60 random bits). The zero value names no log.
type LogID string

// logIDLen is the length of every LogID.
const logIDLen = 12

// Valid reports whether id has the form of a LogID.
func (id LogID) Valid() bool {
	if len(id) != logIDLen {
		return false
	}
	for i := range len(id) {
		if c := id[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// Position is where a reader stands in a log: it has seen every entry up to and including Seq. Seq 0 stands before the
// first entry, which has Seq 1. As text it is LOGID-SEQ.
type Position struct {
	Log LogID
	Seq uint64
}

// IsZero reports whether p names no log.
func (p Position) IsZero() bool { return p == Position{} }

// String is the text form LOGID-SEQ, or the empty string for the zero Position.
func (p Position) String() string { return string(p.AppendTo(nil)) }

// AppendTo appends the text form to b; the zero Position has none and adds nothing.
func (p Position) AppendTo(b []byte) []byte {
	if p.IsZero() {
		return b
	}
	b = append(b, p.Log...)
	b = append(b, '-')
	return strconv.AppendUint(b, p.Seq, 10)
}

// MarshalText gives the text form; the zero Position is empty.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads the text form. Empty text is the zero Position.
func (p *Position) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*p = Position{}
		return nil
	}
	q, err := ParsePosition(string(b))
	if err == nil {
		*p = q
	}
	return err
}

// ParsePosition reads the text form LOGID-SEQ, with SEQ in plain decimal without sign or leading zeros. It fails with
// [CodeBadPosition].
func ParsePosition(s string) (Position, error) {
	id, num, ok := strings.Cut(s, "-")
	seq, err := strconv.ParseUint(num, 10, 64)
	if !ok || err != nil || !LogID(id).Valid() || (len(num) > 1 && num[0] == '0') || num[0] == '+' {
		return Position{}, Errorf(CodeBadPosition, "position %q is not LOGID-SEQ as in k3v5q2m7x4ab-1042; use a position that the node printed", clip(s, 64))
	}
	return Position{Log: LogID(id), Seq: seq}, nil
}
