package pki

// The tags that certificates and lists are made of (X.690).
const (
	tagBoolean     = 0x01
	tagInteger     = 0x02
	tagBitString   = 0x03
	tagOctetString = 0x04
	tagOID         = 0x06
	tagUTCTime     = 0x17
	tagTime        = 0x18 // GeneralizedTime
	tagSequence    = 0x30
	tagExplicit0   = 0xa0
)

// der is what is left of a DER encoding. It is read by hand because lists may have a million entries, for which the standard
// library's reflection is slow, and because its own parser of lists refuses version 1.
type der []byte

// element is one value: its tag, its content, and all of its bytes.
type element struct {
	tag            byte
	content, whole []byte
}

// next takes the next element off. It fails at the end, for a length that is not in the shortest form, and for one that goes
// beyond the end. Tags of several bytes do not occur in what is read here.
func (d *der) next() (e element, ok bool) {
	b := *d
	if len(b) < 2 || b[0]&0x1f == 0x1f {
		return element{}, false
	}
	size, head := int(b[1]), 2
	if size >= 0x80 {
		n := size & 0x7f
		if n < 1 || n > 4 || len(b) < 2+n || b[2] == 0 {
			return element{}, false
		}
		size, head = 0, 2+n
		for _, c := range b[2 : 2+n] {
			size = size<<8 | int(c)
		}
		if size < 0x80 {
			return element{}, false
		}
	}
	if size > len(b)-head {
		return element{}, false
	}
	*d = b[head+size:]
	return element{b[0], b[head : head+size], b[:head+size]}, true
}

// take is next for an element that must have this tag.
func (d *der) take(tag byte) (e element, ok bool) {
	if !d.at(tag) {
		return element{}, false
	}
	return d.next()
}

// at reports whether the next element has this tag.
func (d *der) at(tag byte) bool { return len(*d) > 0 && (*d)[0] == tag }

// signed is what X.509 signs: the bytes, how, and the signature.
type signed struct {
	body      element // the signed bytes are body.whole
	algorithm []byte
	signature []byte
}

// parseSigned takes a certificate or list apart. Nothing may follow it.
func parseSigned(data []byte) (s signed, ok bool) {
	d := der(data)
	outer, ok := d.take(tagSequence)
	if !ok || len(d) > 0 {
		return signed{}, false
	}
	d = outer.content
	body, ok1 := d.take(tagSequence)
	algorithm, ok2 := d.take(tagSequence)
	bits, ok3 := d.take(tagBitString)
	if !ok1 || !ok2 || !ok3 || len(d) > 0 || len(bits.content) < 2 || bits.content[0] != 0 {
		return signed{}, false
	}
	return signed{body, algorithm.whole, bits.content[1:]}, true
}
