package pki

import (
	"encoding/asn1"
	"math/big"
)

// parseExtensions reads the extensions of a list. One that is critical changes what the list means, so it must be known.
func (c *CRL) parseExtensions(d der) error {
	for len(d) > 0 {
		id, critical, value, ok := takeExtension(&d)
		if !ok {
			return damaged()
		}
		switch {
		case id == "2.5.29.20": // number
			c.number = new(big.Int)
			if rest, err := asn1.Unmarshal(value, &c.number); err != nil || len(rest) > 0 {
				return damaged()
			}
		case id == "2.5.29.35": // which key of the authority; all are tried
		// verification: delta-list (TestListExtensions)
		case id == "2.5.29.27":
			return configError("it is a delta revocation list, with changes only; give the whole list")
		// verification: critical-extension-of-list (TestListExtensions)
		case critical:
			return configError("the revocation list has the critical extension %s%s, which is not known here", id, extensionName(id))
		}
	}
	return nil
}

// checkEntryExtensions refuses an entry whose meaning is not known. The reason is not looked at: what is on hold is revoked.
func checkEntryExtensions(d der) error {
	for len(d) > 0 {
		id, critical, _, ok := takeExtension(&d)
		if !ok {
			return damaged()
		}
		known := id == "2.5.29.21" || id == "2.5.29.24" // reason, time of invalidity
		// verification: critical-extension-of-entry (TestListExtensions)
		if critical && !known {
			return configError("an entry of the revocation list has the critical extension %s%s, which is not known here", id, extensionName(id))
		}
	}
	return nil
}

// extensionName names the critical extensions that occur.
func extensionName(id string) string {
	switch id {
	case "2.5.29.28":
		return " (issuing distribution point: the list is of a part of the certificates only)"
	case "2.5.29.29":
		return " (certificate issuer: the list is of several authorities)"
	}
	return ""
}

func takeExtension(d *der) (id string, critical bool, value []byte, ok bool) {
	e, ok := d.take(tagSequence)
	inside := der(e.content)
	name, ok1 := inside.take(tagOID)
	var oid asn1.ObjectIdentifier
	rest, err := asn1.Unmarshal(name.whole, &oid)
	if inside.at(0x01) {
		b, ok := inside.next()
		if !ok || len(b.content) != 1 {
			return "", false, nil, false
		}
		critical = b.content[0] != 0
	}
	v, ok2 := inside.take(tagOctetString)
	ok = ok && ok1 && ok2 && err == nil && len(rest) == 0 && len(inside) == 0
	return oid.String(), critical, v.content, ok
}
