// Package tracecontext reads and writes the trace context of the W3C (https://www.w3.org/TR/trace-context/): two headers, by which
// a system of traces such as OpenTelemetry knows that what one program did led to what another does.
//
// It promises that what [New] gives is well formed: what is not is dropped, as the standard asks, and is never a reason to refuse
// what it came with. It makes no spans and changes no context: a node passes on what its publisher said.
package tracecontext

import (
	"strings"
)

// The names of the headers, and of the variables in the environment of a program that say the same.
const (
	HeaderParent = "traceparent" // which trace this is, and the span that led to this
	HeaderState  = "tracestate"  // what the systems of traces on the way have added

	VariableParent = "TRACEPARENT"
	VariableState  = "TRACESTATE"
)

// Context is what both headers say. The zero Context is none.
type Context struct {
	Parent string // well formed, or empty
	State  string // well formed; empty where there is none, or no Parent
}

// IsZero reports whether there is no trace.
func (c Context) IsZero() bool { return c.Parent == "" }

// MaxState is how many bytes of a tracestate are kept; a longer one is dropped, as the trace can be followed without it.
const MaxState = 512

// New reads the values of the two headers, of which the second may have come as several. Without a well-formed parent there is no
// trace, and without a well-formed state the trace has none.
func New(parent string, state ...string) Context {
	parent = trim(parent)
	if !wellFormed(parent) {
		return Context{}
	}
	s, ok := joinState(state)
	if !ok {
		s = ""
	}
	return Context{Parent: parent, State: s}
}

// IsHeader reports whether a header is one of the two, however it is capitalised.
func IsHeader(name string) bool {
	return IsParent(name) || strings.EqualFold(name, HeaderState)
}

// IsParent reports whether a header is the first of the two.
func IsParent(name string) bool { return strings.EqualFold(name, HeaderParent) }

// trim takes off the white space that a header may have around its value.
func trim(s string) string { return strings.Trim(s, " \t") }

// The places in VERSION-TRACE-PARENT-FLAGS.
const (
	versionEnd = 2
	traceEnd   = 35
	spanEnd    = 52
	flagsEnd   = 55
	maxParent  = 255 // of versions to come, which may have more
)

// wellFormed reports whether a traceparent is one of version 00, or of a later one, which begins alike.
func wellFormed(s string) bool {
	if len(s) < flagsEnd || len(s) > maxParent || s[versionEnd] != '-' || s[traceEnd] != '-' || s[spanEnd] != '-' {
		return false
	}
	version, trace, span := s[:versionEnd], s[versionEnd+1:traceEnd], s[traceEnd+1:spanEnd]
	if !isHex(version) || !isHex(trace) || !isHex(span) || !isHex(s[spanEnd+1:flagsEnd]) {
		return false
	}
	if version == "ff" || strings.Trim(trace, "0") == "" || strings.Trim(span, "0") == "" {
		return false
	}
	rest := s[flagsEnd:]
	switch {
	case rest == "":
		return true
	case version == "00" || rest[0] != '-':
		return false
	}
	return !strings.ContainsFunc(rest, func(r rune) bool { return r <= ' ' || r > '~' })
}

// isHex reports whether s has nothing but digits in base 16, in lower case.
func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
