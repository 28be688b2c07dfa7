package wire

import (
	"bytes"
	"math"
	"strconv"
)

// appendNumber appends a valid number, NaN and its like included, as the old system writes it. An integer of any size keeps
// its digits. A float becomes the nearest one of 64 bits.
func appendNumber(dst, raw []byte, float bool) []byte {
	if !float {
		if string(raw) == "-0" {
			return append(dst, '0')
		}
		return append(dst, raw...)
	}
	if raw[len(raw)-1] == 'y' { // -Infinity
		return append(dst, raw...)
	}
	f, _ := strconv.ParseFloat(string(raw), 64) // out of range is an infinity, as in the old system
	return appendFloat(dst, f)
}

// appendFloat appends f in the old system's shortest form that reads back the same: plain from 1e-4 up to 1e16, with .0
// behind a whole number, and otherwise with a signed exponent of at least two digits.
func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	}
	from := len(dst)
	// Whether the shortest digits round up to the next power of ten is only known when they are there.
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	at := from + bytes.IndexByte(dst[from:], 'e')
	exponent, _ := strconv.Atoi(string(dst[at+1:]))
	if exponent < -4 || exponent >= 16 {
		return dst
	}
	dst = strconv.AppendFloat(dst[:from], f, 'f', -1, 64)
	if bytes.IndexByte(dst[from:], '.') < 0 {
		dst = append(dst, '.', '0')
	}
	return dst
}
