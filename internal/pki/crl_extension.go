package pki

import (
	"encoding/asn1"
	"math/big"
)

// The extensions that lists have, as the content of their object identifiers: all are in 2.5.29.
const (
	extNumber    = "\x55\x1d\x14" // of the list
	extReason    = "\x55\x1d\x15"
	extInvalid   = "\x55\x1d\x18" // since when the key is believed to be another's
	extDelta     = "\x55\x1d\x1b"
	extPart      = "\x55\x1d\x1c" // issuing distribution point
	extOtherCA   = "\x55\x1d\x1d" // certificate issuer
	extAuthority = "\x55\x1d\x23" // which key of the authority; all are tried
)

// parseExtensions reads the extensions of a list. One that is critical changes what the list means, so it must be known.
func (c *CRL) parseExtensions(d der) error {
	for len(d) > 0 {
		e, ok := takeExtension(&d)
		if !ok {
			return damaged()
		}
		switch {
		case e.id == extNumber:
			c.number = new(big.Int)
			if rest, err := asn1.Unmarshal(e.value, &c.number); err != nil || len(rest) > 0 {
				return damaged()
			}
		case e.id == extAuthority:
		// verification: delta-list (TestListExtensions)
		case e.id == extDelta:
			return configError("it is a delta revocation list, with changes only; give the whole list")
		// verification: critical-extension-of-list (TestListExtensions)
		case e.critical:
			return configError("the revocation list has the critical extension %s, which is not known here", e)
		}
	}
	return nil
}

// checkEntryExtensions refuses an entry whose meaning is not known. The reason is not looked at: what is on hold is revoked.
func checkEntryExtensions(d der) error {
	for len(d) > 0 {
		e, ok := takeExtension(&d)
		if !ok {
			return damaged()
		}
		// verification: critical-extension-of-entry (TestListExtensions)
		if e.critical && e.id != extReason && e.id != extInvalid {
			return configError("an entry of the revocation list has the critical extension %s, which is not known here", e)
		}
	}
	return nil
}

// listExtension is one extension of a list or entry.
type listExtension struct {
	id       string // content of its object identifier
	critical bool
	value    []byte
}

// String names it for people.
func (e listExtension) String() string {
	var oid asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(append([]byte{tagOID, byte(len(e.id))}, e.id...), &oid); err != nil {
		return "?"
	}
	switch e.id {
	case extPart:
		return oid.String() + " (issuing distribution point: the list is of a part of the certificates only)"
	case extOtherCA:
		return oid.String() + " (certificate issuer: the list is of several authorities)"
	}
	return oid.String()
}

func takeExtension(d *der) (e listExtension, ok bool) {
	whole, ok1 := d.take(tagSequence)
	inside := der(whole.content)
	id, ok2 := inside.take(tagOID)
	if inside.at(tagBoolean) {
		b, ok := inside.next()
		if !ok || len(b.content) != 1 {
			return listExtension{}, false
		}
		e.critical = b.content[0] != 0
	}
	value, ok3 := inside.take(tagOctetString)
	e.id, e.value = string(id.content), value.content
	return e, ok1 && ok2 && ok3 && len(inside) == 0 && len(e.id) < 128
}
