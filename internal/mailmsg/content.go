package mailmsg

import (
	"bytes"
	"strings"
)

// Size is how many bytes the part has as it was sent, encoded.
func (p *Part) Size() int { return len(p.body) }

// Bytes gives the content, decoded from its transfer encoding, up to max bytes. whole is false where there was more. Damage in the
// encoding is passed over. The caller must not change what it gets.
func (p *Part) Bytes(max int) (content []byte, whole bool) {
	switch p.encoding {
	case "base64":
		return decodeBase64(p.body, max)
	case "quoted-printable":
		return decodeQuoted(p.body, max)
	}
	return p.body[:min(len(p.body), max)], len(p.body) <= max
}

// Text gives the content as UTF-8, with LF between lines, up to max bytes. whole is false where there was more.
func (p *Part) Text(max int) (text string, whole bool) {
	content, whole := p.Bytes(max)
	if !whole {
		content = withoutHalfRune(content)
	}
	text = plain(content, p.Charset)
	if len(text) > max {
		return strings.ToValidUTF8(text[:max], ""), false
	}
	return text, whole
}

// plain makes text of bytes.
func plain(content []byte, charset string) string {
	return strings.ReplaceAll(toUTF8(content, charset), "\r\n", "\n")
}

// decodeBase64 decodes groups of four letters, and takes no notice of what is no letter.
func decodeBase64(body []byte, max int) (content []byte, whole bool) {
	content = make([]byte, 0, min(len(body)/4*3+3, max))
	var bits uint32
	n := 0
	for _, c := range body {
		v := letterValue(c)
		if c == '=' { // the group is short; another one may follow
			n, bits = 0, 0
			continue
		}
		if v < 0 {
			continue
		}
		bits, n = bits<<6|uint32(v), n+1
		if n == 1 {
			continue
		}
		if len(content) >= max {
			return content, false
		}
		content = append(content, byte(bits>>(8-2*n)))
		if n == 4 {
			n, bits = 0, 0
		}
	}
	return content, true
}

// letterValue is what a letter of base64 stands for; negative for others.
func letterValue(c byte) int {
	switch {
	case c >= 'A' && c <= 'Z':
		return int(c - 'A')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 26
	case c >= '0' && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}

// decodeQuoted decodes quoted-printable, line by line. A = that begins nothing stands for itself.
func decodeQuoted(body []byte, max int) (content []byte, whole bool) {
	content = make([]byte, 0, min(len(body), max))
	for len(body) > 0 {
		end := bytes.IndexByte(body, '\n') + 1
		if end == 0 {
			end = len(body)
		}
		line, breaks := body[:end], bytes.IndexByte(body[:end], '\n') >= 0
		body = body[end:]
		line = bytes.TrimRight(line, " \t\r\n")
		soft := bytes.HasSuffix(line, []byte("="))
		if soft {
			line = line[:len(line)-1]
		}
		for i := 0; i < len(line); i++ {
			c := line[i]
			if c == '=' && i+2 < len(line) && hexValue(line[i+1]) >= 0 && hexValue(line[i+2]) >= 0 {
				c = byte(hexValue(line[i+1])<<4 | hexValue(line[i+2]))
				i += 2
			}
			if len(content) >= max {
				return content, false
			}
			content = append(content, c)
		}
		if breaks && !soft {
			if len(content) >= max {
				return content, false
			}
			content = append(content, '\n')
		}
	}
	return content, true
}

// hexValue is what a hexadecimal digit stands for; negative for others.
func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}
