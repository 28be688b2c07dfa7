package wire

import (
	"math"
	"strconv"
)

// AppendArchived is AppendSigned for an envelope that came out of the old archive, and undoes what that had added: source_name
// and source_version go, headers go when they are empty, and a timestamp that is a float becomes whole (SPEC section 9). The
// bool tells whether there was anything to undo, of which the sign is that both of the first two are there.
func AppendArchived(dst, envelope []byte) ([]byte, bool, error) {
	if !fromArchive(envelope) {
		out, err := AppendSigned(dst, envelope)
		return out, false, err
	}
	out, err := appendCanonical(dst, envelope, archivedMembers)
	return out, err == nil, err
}

// fromArchive reports whether this is an object that has both marks of the archive.
func fromArchive(envelope []byte) bool {
	s := borrow(envelope, canonicalDepth)
	defer s.release()
	s.lenient = true
	s.space()
	if s.pos >= len(s.data) || s.data[s.pos] != '{' {
		return false
	}
	marks := 0
	o := s.enter()
	for s.member(&o) {
		switch string(s.keyText(s.keys[len(s.keys)-1])) {
		case "source_name", "source_version":
			marks++
		}
		s.value()
	}
	return marks == 2
}

// falsy reports whether Python takes the canonical value for false.
func falsy(value []byte) bool {
	switch string(value) {
	case "null", "false", "{}", "[]", `""`, "0", "0.0", "-0.0":
		return true
	}
	return false
}

// wholeNumber gives a canonical float without its fraction, as Python's int does. Anything else stays as it is, and so does
// what no clock says.
func wholeNumber(value []byte) []byte {
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil || value[0] == '"' || math.IsNaN(f) || math.Abs(f) > 1<<53 {
		return value
	}
	return strconv.AppendInt(nil, int64(f), 10)
}
