package pki

import (
	"bytes"
	"time"
)

// parseHead reads a list up to its entries, and gives the rest.
func (c *CRL) parseHead(s signed) (listRest, error) {
	d := der(s.body.content)
	rest := listRest{version: 1}
	if version, ok := d.take(tagInteger); ok {
		if !bytes.Equal(version.content, []byte{1}) { // which says version 2
			return rest, configError("the revocation list is of a version that is not known here; 1 and 2 are")
		}
		rest.version = 2
	}
	algorithm, ok1 := d.take(tagSequence)
	issuer, ok2 := d.take(tagSequence)
	if !ok1 || !ok2 {
		return rest, damaged()
	}
	// verification: list-algorithms-agree (TestDamagedLists)
	if !bytes.Equal(algorithm.whole, s.algorithm) {
		return rest, configError("the revocation list names two ways in which it is signed; it was tampered with")
	}
	c.issuer = issuer.whole
	var ok bool
	if c.ThisUpdate, ok = takeTime(&d); !ok {
		return rest, damaged()
	}
	if d.at(tagUTCTime) || d.at(tagTime) {
		if c.NextUpdate, ok = takeTime(&d); !ok {
			return rest, damaged()
		}
	}
	rest.der = d
	return rest, nil
}

// listRest is the part of a list behind its head.
type listRest struct {
	der     der
	version int
}

// parseRest reads the entries and the extensions of a list.
func (c *CRL) parseRest(rest listRest) error {
	d := rest.der
	if entries, ok := d.take(tagSequence); ok {
		if err := c.parseEntries(entries.content, rest.version); err != nil {
			return err
		}
	}
	if rest.version > 1 && d.at(tagExplicit0) {
		outer, ok1 := d.next()
		inner := der(outer.content)
		list, ok2 := inner.take(tagSequence)
		if !ok1 || !ok2 || len(inner) > 0 {
			return damaged()
		}
		if err := c.parseExtensions(list.content); err != nil {
			return err
		}
	}
	if len(d) > 0 {
		return damaged()
	}
	return nil
}

// parseEntries reads the certificates that a list names. Of one that is named twice the earlier time holds.
func (c *CRL) parseEntries(d der, version int) error {
	// The shortest entry has 20 bytes.
	c.revoked = make(map[string]time.Time, len(d)/20)
	for len(d) > 0 {
		entry, ok := d.take(tagSequence)
		inside := der(entry.content)
		serial, ok1 := inside.take(tagInteger)
		since, ok2 := takeTime(&inside)
		if !ok || !ok1 || !ok2 || len(serial.content) == 0 {
			return damaged()
		}
		if version > 1 && len(inside) > 0 {
			extensions, ok := inside.take(tagSequence)
			if !ok {
				return damaged()
			}
			if err := checkEntryExtensions(extensions.content); err != nil {
				return err
			}
		}
		if len(inside) > 0 {
			return damaged()
		}
		if serial.content[0]&0x80 != 0 {
			continue // no certificate with a negative serial number is taken
		}
		key := serialKey(serial.content)
		if earlier, ok := c.revoked[key]; !ok || since.Before(earlier) {
			c.revoked[key] = since
		}
	}
	return nil
}

// serialKey is a serial number as a key of a map: its bytes without leading zeros, so that no other encoding of the same
// number escapes.
func serialKey(b []byte) string { return string(bytes.TrimLeft(b, "\x00")) }

// takeTime takes a time off, in one of its two forms.
func takeTime(d *der) (time.Time, bool) {
	e, ok := d.next()
	if !ok {
		return time.Time{}, false
	}
	text := string(e.content)
	switch e.tag {
	case tagUTCTime:
		if len(text) != 13 {
			return time.Time{}, false
		}
		century := "20"
		if text[0] >= '5' { // RFC 5280: 50 to 99 are 1950 to 1999
			century = "19"
		}
		text = century + text
	case tagTime:
	default:
		return time.Time{}, false
	}
	const form = "20060102150405Z"
	t, err := time.Parse(form, text)
	return t, err == nil && len(text) == len(form) // a fraction would be taken
}

func damaged() error { return configError("the revocation list is damaged") }
