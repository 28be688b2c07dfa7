package carry

import (
	"bytes"
	"encoding/base64"
	"strconv"

	"github.com/federated-messaging/fedmsg"
)

// encoded is what a value begins with that is not text which every protocol carries as it is. Nothing that stands in these
// headers begins so by itself.
const encoded = "base64:"

// maxPieces bounds over how many headers a value is spread, when it is read.
const maxPieces = 4096

// packer makes headers.
type packer struct {
	limits  Limits
	headers []Header
	total   int
}

// put adds a value, in as many pieces as it needs.
func (p *packer) put(name string, value []byte) {
	text := string(value)
	if !plain(value) {
		text = encoded + base64.StdEncoding.EncodeToString(value)
	}
	most := p.limits.Value
	if most <= 0 || len(text) <= most {
		p.add(name, text)
		return
	}
	if spaced(value, max(most, minValue)) {
		text = encoded + base64.StdEncoding.EncodeToString(value)
	}
	for n := 1; text != ""; n++ {
		end := cut(text, max(most, minValue))
		p.add(pieceName(name, n), text[:end])
		text = text[end:]
	}
}

func (p *packer) add(name, text string) {
	p.headers = append(p.headers, Header{name, text})
	p.total += len(name) + len(text)
}

// minValue is the least that one header holds.
const minValue = 64

// pieceName is the header of the nth piece, counted from 1.
func pieceName(name string, n int) string {
	if n == 1 {
		return name
	}
	return name + "-" + strconv.Itoa(n)
}

// plain reports whether a value is printable ASCII with no space at its ends, where some protocols drop it, and does not look
// like one that is encoded.
func plain(value []byte) bool {
	for _, c := range value {
		if c < ' ' || c >= 0x7f {
			return false
		}
	}
	n := len(value)
	return n > 0 && value[0] != ' ' && value[n-1] != ' ' && !bytes.HasPrefix(value, []byte(encoded))
}

// cut finds where the next piece of at most so many bytes ends: no piece ends or begins with a space.
func cut(text string, most int) int {
	if len(text) <= most {
		return len(text)
	}
	for end := most; end > most/2; end-- {
		if text[end] != ' ' && text[end-1] != ' ' {
			return end
		}
	}
	return most // not with a text that is not spaced
}

// spaced reports whether a value may have no good place to cut it at: every other byte a space over half a piece.
func spaced(value []byte, most int) bool {
	run := 0
	for i := 1; i < len(value); i++ {
		if value[i] != ' ' && value[i-1] != ' ' {
			run = 0
		} else if run++; run >= most/2-1 {
			return true
		}
	}
	return false
}

// unpacker reads headers, and keeps the first fault.
type unpacker struct {
	header func(name string) (string, bool)
	err    error
}

// take puts a value together, and reports whether it is there.
func (u *unpacker) take(name string) (value []byte, ok bool) {
	text, ok := u.header(name)
	if !ok {
		return nil, false
	}
	value = []byte(text)
	for n := 2; n <= maxPieces; n++ {
		piece, more := u.header(pieceName(name, n))
		if !more {
			break
		}
		value = append(value, piece...)
	}
	if !bytes.HasPrefix(value, []byte(encoded)) {
		return value, true
	}
	value, err := base64.StdEncoding.Strict().DecodeString(string(value[len(encoded):]))
	if err != nil && u.err == nil {
		u.err = fedmsg.Errorf(fedmsg.CodeBadEnvelope, "the header %s is not in base64, as its beginning says", name)
	}
	return value, true
}
