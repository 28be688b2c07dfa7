package mailmsg

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// toUTF8 makes UTF-8 of text in a charset. Where none is named, what is UTF-8 already stays: many programs forget to name it. What is in
// no charset that can be found is read as Windows-1252, in which every byte is something.
func toUTF8(text []byte, charset string) string {
	switch charset {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "unknown-8bit", "8bit":
		if utf8.Valid(text) {
			return string(text)
		}
		if strings.HasPrefix(charset, "utf") {
			return strings.ToValidUTF8(string(text), "\uFFFD")
		}
		return decodeWith(text, "windows-1252")
	}
	if ascii(text) && !strings.HasPrefix(charset, "iso-2022") && !strings.HasPrefix(charset, "utf-") && charset != "hz-gb-2312" {
		return string(text)
	}
	return decodeWith(text, charset)
}

// decodeWith decodes with a named charset.
func decodeWith(text []byte, charset string) string {
	found, err := htmlindex.Get(charset)
	if err != nil || found == encoding.Replacement { // which makes one character of any text: of charsets that browsers must not read
		if utf8.Valid(text) {
			return string(text)
		}
		found = charmap.Windows1252
	}
	decoded, err := found.NewDecoder().Bytes(text)
	if err != nil {
		return strings.ToValidUTF8(string(text), "\uFFFD")
	}
	return strings.ToValidUTF8(string(decoded), "\uFFFD")
}

// charsetReader decodes the words of a header.
func charsetReader(charset string, r io.Reader) (io.Reader, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxField))
	if err != nil {
		return nil, err
	}
	return strings.NewReader(toUTF8(text, strings.ToLower(charset))), nil
}

// withoutHalfRune takes off a last character of UTF-8 that was cut, and half a line break.
func withoutHalfRune(text []byte) []byte {
	text = bytes.TrimSuffix(text, []byte("\r"))
	for i := 1; i <= utf8.UTFMax && i <= len(text); i++ {
		if c := text[len(text)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(text[len(text)-i:]) {
				return text[:len(text)-i]
			}
			break
		}
	}
	return text
}

// ascii tells whether every byte is a character of ASCII.
func ascii(text []byte) bool {
	return bytes.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}
