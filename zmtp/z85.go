package zmtp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// z85Digits are the digits of Z85 (RFC 32), by value.
const z85Digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

// notZ85 is the value of a character that is no digit.
const notZ85 = 0xff

// z85Values are the values of the digits, by character.
var z85Values = func() (values [256]byte) {
	for c := range values {
		values[c] = notZ85
	}
	for value, c := range []byte(z85Digits) {
		values[c] = byte(value)
	}
	return values
}()

// appendZ85 appends the text of data, whose length is a multiple of 4.
func appendZ85(dst, data []byte) []byte {
	for ; len(data) >= 4; data = data[4:] {
		value := binary.BigEndian.Uint32(data)
		for _, unit := range [...]uint32{85 * 85 * 85 * 85, 85 * 85 * 85, 85 * 85, 85, 1} {
			dst = append(dst, z85Digits[value/unit%85])
		}
	}
	return dst
}

// decodeZ85 fills data with what the text says. Since the text may be a secret key, errors tell where it is wrong and show
// nothing of it.
func decodeZ85(data []byte, text string) error {
	if want := len(data) / 4 * 5; len(text) != want {
		return fmt.Errorf("it has %d characters, not %d", len(text), want)
	}
	for group := 0; group < len(text); group += 5 {
		var value uint64
		for at := group; at < group+5; at++ {
			digit := z85Values[text[at]]
			if digit == notZ85 {
				return fmt.Errorf("its character %d is none of Z85's", at+1)
			}
			value = value*85 + uint64(digit)
		}
		if value>>32 != 0 {
			return fmt.Errorf("its characters %d to %d say more than 4 bytes can", group+1, group+5)
		}
		binary.BigEndian.PutUint32(data[group/5*4:], uint32(value))
	}
	return nil
}

// errNotCurve is wrapped where a text is no key.
var errNotCurve = errors.New("zmtp: no CURVE key, which is 40 characters of Z85")
