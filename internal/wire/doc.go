// Package wire is the byte forms of a message, both ways, with limits: the envelope and the submission of new doors, the
// old system's canonical JSON, and the entry as readers get it.
//
// It promises that a decoded envelope keeps its exact bytes, that it is one line (no byte below 0x20), and that decoding
// takes one pass over the bytes whose work and memory are bounded by [fedmsg.Limits]. What a strict door accepts is I-JSON:
// valid UTF-8, no lone surrogates, no NaN or Infinity, no object with the same key twice at any depth, keys compared after
// their escapes are resolved. Two recommendations of I-JSON are not held: numbers may be of any size and precision, since
// their text is kept, and Unicode's noncharacters may stand in strings.
//
// It does not verify signatures, decide who may publish, or keep state between calls; every function may be called from any
// number of goroutines. Where a result shares memory with its input, the comment says so: the input then must not change
// for as long as the result is used.
package wire
