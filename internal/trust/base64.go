package trust

import (
	"encoding/base64"
	"encoding/hex"
)

// binary gives the bytes that a member of an envelope, a JSON string, has in base64. Base64 is taken strictly but for white
// space, with which the old system breaks its lines.
func binary(name string, member []byte) ([]byte, error) {
	if len(member) < 2 || member[0] != '"' || member[len(member)-1] != '"' {
		return nil, malformed("%s of the message is not a string", name).err
	}
	plain, ok := withoutSpace(make([]byte, 0, len(member)), member[1:len(member)-1])
	if !ok || len(plain) == 0 {
		return nil, malformed("%s of the message is not base64", name).err
	}
	n, err := base64.StdEncoding.Strict().Decode(plain, plain)
	// verification: strict-base64 (TestEmbeddedForms)
	if err != nil {
		return nil, malformed("%s of the message is not base64", name).err
	}
	return plain[:n], nil
}

// withoutSpace appends the inside of a JSON string without its white space. It resolves those escapes that can stand for
// base64 or white space, and fails at all others.
func withoutSpace(dst, inside []byte) ([]byte, bool) {
	for i := 0; i < len(inside); i++ {
		c := inside[i]
		if c == '\\' {
			if i++; i >= len(inside) {
				return nil, false
			}
			switch inside[i] {
			case 'n', 'r', 't':
				continue
			case '/':
				c = '/'
			case 'u':
				var unit [2]byte
				if i+5 > len(inside) {
					return nil, false
				}
				if _, err := hex.Decode(unit[:], inside[i+1:i+5]); err != nil || unit[0] != 0 {
					return nil, false
				}
				i, c = i+4, unit[1]
			default:
				return nil, false
			}
		}
		switch c {
		case ' ', '\n', '\r', '\t':
		default:
			dst = append(dst, c)
		}
	}
	return dst, true
}
