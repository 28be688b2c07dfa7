package wire

// AppendCanonical appends the old system's canonical form of one JSON value to dst: what it published, and what embedded
// signatures are made over (SPEC section 3). NaN, Infinity, -Infinity and lone surrogates pass; an object with the same key
// twice is refused. On error dst is returned as it was.
func AppendCanonical(dst, json []byte) ([]byte, error) {
	panic("not yet")
}
