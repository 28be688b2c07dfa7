package mailmsg

import "bytes"

// maxSigned is how many signed texts of one mail are given.
const maxSigned = 16

// Signed is what somebody says to have signed, and the signature of it, apart. Nobody has checked it.
type Signed struct {
	Clear     bool   // a clear-signed text within a part; otherwise the mail's parts are signed, as PGP/MIME
	Bytes     []byte // what the signature is over, with the line ends that OpenPGP asks for
	Text      string // a clear-signed text as UTF-8 with LF, read from Bytes and nothing else, so without its part's charset; else empty
	Signature []byte // in ASCII armour
	Part      *Part  // the part that holds the text, or that is signed
}

// Signed gives what is signed in the mail by OpenPGP, the outermost first, at most 16 texts. Of a part more than max bytes are not looked
// at, and a text that goes on behind them is not given. Mails within the mail are not searched.
func (m *Mail) Signed(max int) []Signed {
	return m.Body.signed(nil, max)
}

// signed appends what is signed in a part and those below it.
func (p *Part) signed(all []Signed, max int) []Signed {
	if p.Type == "multipart/signed" && p.protocol == "application/pgp-signature" && len(p.Parts) == 2 && len(p.Parts[0].raw) <= max {
		if signature, whole := p.Parts[1].Bytes(max); whole {
			all = append(all, Signed{Bytes: lineEnds(p.Parts[0].raw), Signature: signature, Part: p.Parts[0]})
		}
	}
	if p.Type == "text/plain" {
		content, _ := p.Bytes(max)
		for len(all) < maxSigned {
			s, rest, found := nextClear(content)
			if !found {
				break
			}
			s.Part, s.Text = p, plain(s.Bytes, "") // how it is read must not be said by what is not signed
			all, content = append(all, s), rest
		}
	}
	for _, part := range p.Parts {
		if len(all) < maxSigned {
			all = part.signed(all, max)
		}
	}
	return all
}

// nextClear finds a clear-signed text (RFC 9580, section 7). One that does not end, or that has other headers than Hash, is none.
func nextClear(content []byte) (s Signed, rest []byte, found bool) {
	rest, ok := behindLine(content, "-----BEGIN PGP SIGNED MESSAGE-----")
	for ok && len(rest) > 0 {
		line, behind := cutLine(rest)
		rest = behind
		if line = bytes.TrimRight(line, " \t"); len(line) == 0 {
			break
		}
		ok = bytes.HasPrefix(line, []byte("Hash:"))
	}
	if !ok {
		return s, nil, false
	}
	var lines [][]byte
	for {
		if len(rest) == 0 {
			return s, nil, false
		}
		line, behind := cutLine(rest)
		if isLine(line, "-----BEGIN PGP SIGNATURE-----") {
			break
		}
		lines = append(lines, bytes.TrimRight(bytes.TrimPrefix(line, []byte("- ")), " \t\r"))
		rest = behind
	}
	begin := rest
	rest, ok = behindLine(rest, "-----END PGP SIGNATURE-----")
	if !ok {
		return s, nil, false
	}
	s = Signed{Clear: true, Bytes: bytes.Join(lines, []byte("\r\n")), Signature: begin[:len(begin)-len(rest)]}
	return s, rest, true
}

// behindLine gives what is behind the first line that says this.
func behindLine(content []byte, what string) (rest []byte, found bool) {
	for len(content) > 0 {
		i := bytes.Index(content, []byte(what))
		if i < 0 {
			return nil, false
		}
		line, behind := cutLine(content[i:])
		if (i == 0 || content[i-1] == '\n') && isLine(line, what) {
			return behind, true
		}
		content = content[i+len(what):]
	}
	return nil, false
}

// isLine tells whether a line says this, whatever blanks are behind it.
func isLine(line []byte, what string) bool {
	return string(bytes.TrimRight(line, " \t")) == what
}

// lineEnds makes every line end with CRLF.
func lineEnds(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
}
