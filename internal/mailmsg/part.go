package mailmsg

import (
	"bytes"
	"mime"
	"strings"
)

// Part is a part of a mail: its own header and what is behind it. A mail's Body is the part that has the mail's header.
type Part struct {
	Header   Header
	Type     string  // such as text/plain, in lower case
	Charset  string  // as named; empty when it is not
	Name     string  // of a file, as one line; it may hold slashes
	Attached bool    // meant to be a file and not to be read with the rest
	Parts    []*Part // of a multipart one
	Message  *Mail   // of a message/rfc822 one, else nil

	raw      []byte // header and body as they were sent
	body     []byte // in its transfer encoding
	encoding string // of the transfer, in lower case
	protocol string // of a multipart/signed one: what kind the signature is
}

// Raw gives the body as it was sent: what is behind the header, in its transfer encoding. The caller must not change it.
func (p *Part) Raw() []byte { return p.body }

// part reads a part whose type is kind unless it says otherwise.
func (p *parser) part(raw []byte, kind string, depth int) (*Part, error) {
	if p.parts++; p.parts > p.limits.Parts {
		return nil, tooLarge("it has more than %d parts", p.limits.Parts)
	}
	if depth > p.limits.Depth {
		return nil, tooLarge("it has parts in parts, deeper than %d", p.limits.Depth)
	}
	header, body, err := p.header(raw)
	if err != nil {
		return nil, err
	}
	part := &Part{Header: header, Type: kind, raw: raw, body: body}
	boundary := part.describe()
	encoded := part.encoding == "base64" || part.encoding == "quoted-printable"
	switch {
	case encoded: // what has parts must not be encoded
	case strings.HasPrefix(part.Type, "multipart/") && boundary != "":
		err = p.split(part, boundary, depth+1)
	case part.Type == "message/rfc822":
		part.Message, err = p.mail(body, depth+1)
	}
	return part, err
}

// describe reads what the header says about the body, and gives the boundary of a multipart one.
func (p *Part) describe() (boundary string) {
	kind, parameters := mediaType(p.Header.unfolded("Content-Type"))
	if strings.Contains(kind, "/") {
		p.Type = kind
	}
	p.Charset = strings.ToLower(oneLine(parameters["charset"]))
	p.Header.charset = p.Charset
	p.protocol = strings.ToLower(parameters["protocol"])
	p.encoding = strings.ToLower(strings.TrimSpace(p.Header.unfolded("Content-Transfer-Encoding")))
	disposition, file := mediaType(p.Header.unfolded("Content-Disposition"))
	p.Attached = disposition == "attachment"
	name := file["filename"]
	if name == "" {
		name = parameters["name"]
	}
	p.Name = oneLine(p.Header.decode(name))
	return parameters["boundary"]
}

// mediaType reads a field such as Content-Type. Where its parameters break the rules, those are taken that can be found.
func mediaType(text string) (kind string, parameters map[string]string) {
	kind, parameters, err := mime.ParseMediaType(text)
	if err == nil {
		return kind, parameters
	}
	first, rest, _ := strings.Cut(text, ";")
	parameters = make(map[string]string)
	for one := range strings.SplitSeq(rest, ";") {
		name, value, _ := strings.Cut(one, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := parameters[name]; !twice {
			parameters[name] = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return strings.ToLower(strings.TrimSpace(first)), parameters
}

// split divides a multipart body at its boundary. A last part whose end is missing goes to the end of the body.
func (p *parser) split(whole *Part, boundary string, depth int) error {
	kind := "text/plain"
	if whole.Type == "multipart/digest" {
		kind = "message/rfc822"
	}
	mark := []byte("--" + boundary)
	from := -1 // where the part begins that is being read; -1 before the first one
	for at := 0; at <= len(whole.body); {
		begin, behind, last := nextMark(whole.body, mark, at)
		if from >= 0 {
			part, err := p.part(withoutBreak(whole.body[from:max(from, begin)], behind), kind, depth)
			if err != nil {
				return err
			}
			whole.Parts = append(whole.Parts, part)
		}
		if last {
			return nil
		}
		from, at = behind, behind
	}
	return nil
}

// nextMark finds the next line at or behind at that is a boundary: where it begins and what is behind it. last is true for the one that
// closes, and where there is none.
func nextMark(body, mark []byte, at int) (begin, behind int, last bool) {
	for at < len(body) {
		i := bytes.Index(body[at:], mark)
		if i < 0 {
			break
		}
		begin = at + i
		line, rest := cutLine(body[begin+len(mark):])
		at = begin + len(mark)
		if begin > 0 && body[begin-1] != '\n' {
			continue
		}
		closing := bytes.HasPrefix(line, []byte("--"))
		if closing || len(bytes.TrimRight(line, " \t")) == 0 {
			return begin, len(body) - len(rest), closing || len(rest) == 0
		}
	}
	return len(body), -1, true
}

// withoutBreak takes off the line break before a boundary, which belongs to the boundary. Without one, which behind < 0 tells, all
// is the part's.
func withoutBreak(part []byte, behind int) []byte {
	if behind < 0 {
		return part
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(part, []byte("\n")), []byte("\r"))
}

// leaves appends the parts below that have none.
func (p *Part) leaves(all []*Part) []*Part {
	if len(p.Parts) == 0 {
		return append(all, p)
	}
	for _, part := range p.Parts {
		all = part.leaves(all)
	}
	return all
}
